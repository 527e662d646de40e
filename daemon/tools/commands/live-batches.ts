/** Output on its way to whoever watches: a few times a second, and of much only the newest. */
import { LIVE_INTERVAL_MS, MAX_LIVE } from './limits.ts';

/** Left for the sentence that says how much is left out. */
const NOTE = 64;

export class LiveBatches {
  readonly #send: (text: string) => void;
  #text = '';
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  add(text: string): void {
    this.#text += text;
    const over = this.#text.length - (MAX_LIVE - NOTE);
    if (over > 0) {
      this.#leftOut += over;
      this.#text = this.#text.slice(over);
    }
    this.#timer ??= setTimeout(() => {
      this.end();
    }, LIVE_INTERVAL_MS);
  }

  /** Sends what waits. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === '') return;
    const note = this.#leftOut === 0 ? '' : `\n… ${this.#leftOut} characters left out …\n`;
    const text = note + this.#text.toWellFormed();
    this.#text = '';
    this.#leftOut = 0;
    this.#send(text);
  }
}
