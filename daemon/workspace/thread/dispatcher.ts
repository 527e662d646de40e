/** Carries out calls in the thread of a workspace, one after the other; when nobody calls, looks at the files and keeps what is known of them. */
import { asProtocolError } from '../engine/failures.ts';
import { Workspace, type WorkspaceParts } from '../engine/workspace.ts';
import type { Answer, Request } from './calls.ts';

const IDLE_MS = 2_000;

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
    try {
      this.#workspace?.lookAgain();
      this.#workspace?.saveCache();
    } catch {
      // What is kept is a copy of what can be read again, and the next snapshot says what is wrong with the files.
    }
  }
}

function failed(id: number, error: unknown): Answer {
  const known = asProtocolError(error);
  if (known !== undefined) return { kind: 'error', id, message: known.message, data: known.toData() };
  return { kind: 'bug', id, stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
