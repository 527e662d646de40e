/** Finds the line by which a stream of events says that nothing more comes, whatever becomes of its connection. */

/** A line of its own: text of a reply stands inside JSON, where no line ends. */
const MARK = /[\r\n]data: ?\[DONE\][\r\n]/;
/** Longer than the mark. */
const KEPT = 16;

export class EndMark {
  private tail = '\n';

  /** @returns whether the mark is in what has come so far, the chunk included. */
  isIn(chunk: Uint8Array): boolean {
    const text = this.tail + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    this.tail = text.slice(-KEPT);
    return MARK.test(text);
  }
}
