/** Output on its way to whoever watches: joined, and shortened when it comes faster than anybody can read. */

const INTERVAL_MS = 33;
/** Most text of one interval, in UTF-16 units; of more only the newest is shown. */
const MAX_TEXT = 32 * 1024;
const LEFT_OUT = '\n[…]\n';

export class LiveText {
  readonly #send: (text: string) => void;
  #text = '';
  #cut = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length > MAX_TEXT) {
      this.#text = this.#text.slice(-MAX_TEXT);
      this.#cut = true;
    }
    this.#timer ??= setTimeout(() => {
      this.flush();
    }, INTERVAL_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === '') return;
    const text = this.#cut ? LEFT_OUT + this.#text : this.#text;
    this.#text = '';
    this.#cut = false;
    this.#send(text);
  }
}
