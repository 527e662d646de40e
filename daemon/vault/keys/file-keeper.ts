/** Keeps the root key in a file beside the data. */
import { refusal, unreadable, type Keeper, type Refusal } from './keeper.ts';
import { adoptKeyFile, createKeyFile, readKeyFile, removeKeyFile, removeUnfinished } from './key-file.ts';
import type { RootKey } from './key-text.ts';

export class FileKeeper implements Keeper {
  readonly parameters = '{}';
  hasAdopted = false;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  find(): Promise<RootKey | Refusal> {
    this.#tidy();
    return this.#attempt('denied', () => {
      const root = readKeyFile(this.#file);
      return (
        root ??
        refusal(
          'denied',
          `the key file ${this.#file} is gone`,
          'Restore it from a backup. Nothing can be read without it, and no new key is made while there is data.',
        )
      );
    });
  }

  make(): Promise<RootKey | Refusal> {
    this.#tidy();
    // A file without a store is what an interrupted first start leaves, or a store that is gone. It can be used.
    return this.#attempt('none', () => {
      const found = adoptKeyFile(this.#file);
      this.hasAdopted = found !== undefined;
      return found ?? createKeyFile(this.#file);
    });
  }

  remove(): Promise<string | undefined> {
    try {
      removeKeyFile(this.#file);
      return Promise.resolve(undefined);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      return Promise.resolve(`the key file ${this.#file} could not be removed (${code})`);
    }
  }

  /** A name that is left over keeps the key readable where `remove` would have it gone. */
  #tidy(): void {
    try {
      removeUnfinished(this.#file);
    } catch (error) {
      // On a disk that takes nothing the key can be read all the same.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  #attempt(state: Refusal['state'], read: () => RootKey | Refusal): Promise<RootKey | Refusal> {
    try {
      return Promise.resolve(read());
    } catch (error) {
      return Promise.resolve(unreadable(state, error));
    }
  }
}
