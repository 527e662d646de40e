/** A text of any length of which only the beginning and the end are kept. */

const encoder = new TextEncoder();

export class CappedText {
  readonly #max: number;
  #head = '';
  #tail = '';
  #length = 0;
  #bytes = 0;

  /** @param max UTF-16 units; an even number. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes of everything that was added, as UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  get isCut(): boolean {
    return this.#length > this.#max;
  }

  add(text: string): void {
    const half = this.#max / 2;
    const room = half - this.#head.length;
    this.#length += text.length;
    this.#bytes += Buffer.byteLength(text);
    if (room > 0) this.#head += text.slice(0, room);
    const rest = room > 0 ? text.slice(room) : text;
    this.#tail = rest.length >= half ? rest.slice(-half) : (this.#tail + rest).slice(-half);
  }

  /** @param note what to say between beginning and end; given the bytes that are left out. */
  text(note: (leftOut: number) => string): string {
    if (!this.isCut) return this.#head + this.#tail;
    const head = this.#head.toWellFormed();
    const tail = this.#tail.toWellFormed();
    const leftOut = this.#bytes - encoder.encode(head).length - encoder.encode(tail).length;
    return `${head}\n… ${note(Math.max(1, leftOut))} …\n${tail}`;
  }
}
