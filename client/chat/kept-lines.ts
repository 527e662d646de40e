/** What was typed, given to the daemon for the arrow keys of later chats. */
import type { Client } from '../connection/api.ts';
import { failureOf } from '../command-line/failure.ts';

/** Longer ones are kept for the arrow keys of the own terminal only. */
const LONGEST = 100_000;

export class KeptLines {
  readonly #client: Client;
  readonly #tell: (text: string) => void;
  #failed = false;

  /** @param tell told once that lines cannot be kept. */
  constructor(client: Client, tell: (text: string) => void) {
    this.#client = client;
    this.#tell = tell;
  }

  /** @param sessionId where it was typed: the daemon forgets the line together with that session. */
  add(line: string, sessionId: string | undefined): void {
    if (line.length > LONGEST) return;
    const typed = { line, ...(sessionId === undefined ? {} : { sessionId }) };
    this.#client.call('history/add', typed).catch((error: unknown) => {
      if (this.#failed) return;
      this.#failed = true;
      this.#tell(`[what you type is not kept for later: ${failureOf(error).message}]`);
    });
  }
}
