/**
 * Carries out calls in the thread of a workspace, one after the other. When nobody calls, it looks at the files, keeps what is
 * known of them, and later makes smaller what is stored.
 */
import { asProtocolError } from '../engine/failures.ts';
import { Workspace, type WorkspaceParts } from '../engine/workspace.ts';
import type { Answer, Request } from './calls.ts';

const IDLE_MS = 2_000;
/** Then, until it tidies up. */
const TIDY_AFTER_MS = 58_000;
/** Between two moments of that, in which calls come in, and which leave half of the processor to others. */
const PAUSE_MS = 25;
/** No call has this number. */
const NOBODY = 0;

export class Dispatcher {
  readonly #parts: WorkspaceParts;
  readonly #post: (answer: Answer) => void;
  #workspace: Workspace | undefined;
  #last: Promise<void> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #waiting = 0;

  constructor(parts: WorkspaceParts, post: (answer: Answer) => void) {
    this.#parts = parts;
    this.#post = post;
  }

  take(request: Request): void {
    clearTimeout(this.#idle);
    this.#workspace?.stopTidying();
    this.#waiting += 1;
    this.#last = this.#last
      .then(() => this.#answer(request))
      .then(() => {
        this.#waiting -= 1;
        if (this.#waiting === 0) this.#idle = setTimeout(() => this.#keep(), IDLE_MS);
      });
  }

  async #answer({ id, name, args }: Request): Promise<void> {
    try {
      // The first call hears why it cannot be opened; the next one tries again.
      this.#workspace ??= new Workspace(this.#parts);
      const call = this.#workspace[name] as (...args: readonly unknown[]) => unknown;
      const value = await call.apply(this.#workspace, [...args]);
      if (name === 'close') this.#workspace = undefined;
      this.#post({ kind: 'value', id, value });
    } catch (error) {
      this.#post(failed(id, error));
    }
  }

  #keep(): void {
    this.#attempt(() => this.#workspace?.lookAgain());
    try {
      this.#workspace?.saveCache();
    } catch {
      // It is a copy of what can be read again; the next pause is another chance.
    }
    this.#idle = setTimeout(() => this.#tidy(), TIDY_AFTER_MS);
  }

  #tidy(): void {
    this.#attempt(() => {
      if (this.#workspace?.tidy() === true) this.#idle = setTimeout(() => this.#tidy(), PAUSE_MS);
    });
  }

  /** Nobody waits for it, and whoever calls next hears what is wrong; only a bug is told. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      const answer = failed(NOBODY, error);
      if (answer.kind === 'bug') this.#post(answer);
    }
  }
}

function failed(id: number, error: unknown): Answer {
  const known = asProtocolError(error);
  if (known !== undefined) return { kind: 'error', id, message: known.message, data: known.toData() };
  return { kind: 'bug', id, stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
