/** One stream that a frontend writes to: knows whether a person sees it, waits for slow readers, and ends when the reader is gone. */

/** The part of a process stream that is used. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): boolean;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  on(event: 'resize', listener: () => void): unknown;
  once(event: 'drain', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** Where long texts go, a page at a time. */
export interface TextSink {
  write(text: string): void;
  line(text: string): void;
  /** Resolves when more can be taken. */
  drained(): Promise<void>;
}

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
/** What a write meets when its reader has gone: a closed pipe, a terminal that was hung up, a stream that is destroyed. */
const READER_GONE = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export class Output implements TextSink {
  readonly #stream: OutputStream;
  readonly #gone = new AbortController();
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];
  #blocked = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    stream.on('error', (error) => {
      if (!READER_GONE.has(error.code ?? '')) this.#failure = error;
      this.#gone.abort();
      this.#release();
    });
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Width of the terminal. */
  get columns(): number {
    return this.#stream.columns || DEFAULT_COLUMNS;
  }

  /** Height of the terminal. */
  get rows(): number {
    return this.#stream.rows || DEFAULT_ROWS;
  }

  /** Aborted as soon as nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Why nothing could be written, when that is anything but a reader that left: a full disk, say. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Writes; a text for a reader who has gone is dropped. */
  write(text: string): void {
    if (text === '' || this.#gone.signal.aborted) return;
    if (this.#stream.write(text) || this.#blocked) return;
    this.#blocked = true;
    this.#stream.once('drain', () => {
      this.#release();
    });
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  /** Resolves when the reader has taken what was written, or has gone. To be awaited between pages of long output. */
  async drained(): Promise<void> {
    if (!this.#blocked || this.#gone.signal.aborted) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** @returns a function that ends the subscription. */
  onResize(listener: () => void): () => void {
    this.#stream.on('resize', listener);
    return () => {
      this.#stream.off('resize', listener);
    };
  }

  #release(): void {
    this.#blocked = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
