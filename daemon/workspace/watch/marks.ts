/** What has to be looked at again. A mark goes when somebody says that it was looked at, not when it was told. */
import type { ByteText } from '../byte-text.ts';
import type { Dirt, Doubt } from './watch-calls.ts';

export class Marks {
  #fresh = new Generation();
  #told = new Generation();
  #toldIn = 0;
  #count = 0;

  directory(path: ByteText): void {
    this.#count += 1;
    this.#fresh.directories.add(path);
  }

  subtree(path: ByteText): void {
    this.#count += 1;
    this.#fresh.subtrees.add(path);
  }

  /** @param reason the first one is told: later ones mostly follow from it. */
  everything(reason: string): void {
    this.#fresh.doubt ??= reason;
  }

  /**
   * @param question the number of this answer.
   * @param settled the newest answer that was acted on; the marks of a later one are told again.
   */
  tell(question: number, settled: number): Dirt | Doubt {
    if (settled < this.#toldIn) this.#told.join(this.#fresh);
    else this.#told = this.#fresh;
    this.#fresh = new Generation();
    this.#toldIn = question;
    const { doubt, directories, subtrees } = this.#told;
    if (doubt !== undefined) return { kind: 'doubt', reason: doubt };
    return { kind: 'dirt', directories: [...directories], subtrees: [...subtrees], told: this.#count };
  }
}

class Generation {
  readonly directories = new Set<ByteText>();
  readonly subtrees = new Set<ByteText>();
  doubt: string | undefined;

  join(later: Generation): void {
    for (const path of later.directories) this.directories.add(path);
    for (const path of later.subtrees) this.subtrees.add(path);
    this.doubt ??= later.doubt;
  }
}
