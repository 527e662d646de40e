/** Reads what a command prints, no faster than it is taken, as text that can be shown. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_MS = 10;

/** `stuck`: what came is not taken. */
export type PumpState = 'over' | 'quiet' | 'stuck';

export class OutputPump {
  readonly #take: (text: string) => Promise<void> | void;
  readonly #over: Promise<void>;
  #lastRead = performance.now();
  #taking = false;
  #isOver = false;

  /** @param take is given the next piece; reading goes on when it has resolved. */
  constructor(output: Readable, take: (text: string) => Promise<void> | void) {
    this.#take = take;
    this.#over = this.#run(output);
  }

  /**
   * Waits for the end, but no longer than nothing comes for this long, or what came is not taken for that long.
   */
  async ended(quietMs: number, takeMs: number): Promise<PumpState> {
    const since = performance.now();
    while (!this.#isOver) {
      const quiet = performance.now() - Math.max(since, this.#lastRead);
      if (quiet > (this.#taking ? takeMs : quietMs)) return this.#taking ? 'stuck' : 'quiet';
      await Promise.race([this.#over, pause(LOOK_MS)]);
    }
    return 'over';
  }

  async #run(output: Readable): Promise<void> {
    const decoder = new StringDecoder('utf8');
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) await this.#hand(decoder.write(chunk));
    } catch {
      // Given up: what held it open could not be ended.
    }
    await this.#hand(decoder.end());
    this.#isOver = true;
  }

  async #hand(text: string): Promise<void> {
    if (text === '') return;
    this.#taking = true;
    await this.#take(text.includes('\0') ? text.replaceAll('\0', '\u2400') : text);
    this.#taking = false;
    this.#lastRead = performance.now();
  }
}
