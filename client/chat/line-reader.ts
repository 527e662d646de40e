/** Lines of the input for two readers: whoever looks at the next one need not be the one who takes it. */

export class LineReader {
  readonly #lines: AsyncIterator<string>;
  #next: Promise<IteratorResult<string>> | undefined;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** The line that comes next, as often as it is looked at. */
  peek(): Promise<IteratorResult<string>> {
    this.#next ??= this.#lines.next();
    return this.#next;
  }

  /** The line that was looked at is used. */
  take(): void {
    this.#next = undefined;
  }

  /** Nothing more is read: the stream behind the lines is let go. */
  async close(): Promise<void> {
    await this.#lines.return?.();
  }
}
