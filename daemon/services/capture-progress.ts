/** Tells whoever looks at a session that its files are being captured, when that takes long. */
import type { EventData } from '../../protocol/event.ts';
import type { ReadingProgress } from './snapshot-port.ts';

/** What takes no longer is not told of, in milliseconds. */
const LONG_MS = 1_000;
const EVERY_MS = 500;

type Told = EventData<'capture'>;

export class CaptureProgress {
  readonly #read: () => ReadingProgress | undefined;
  readonly #tell: (told: Told) => void;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #waiting = 0;
  #newest: ReadingProgress = { files: 0, total: null };
  #isTold = false;

  /** @param read how far it is; undefined while nothing is known of it. */
  constructor(read: () => ReadingProgress | undefined, tell: (told: Told) => void) {
    this.#read = read;
    this.#tell = tell;
  }

  /** Since it began, in milliseconds. */
  get ms(): number {
    return Math.round(performance.now() - this.#since);
  }

  begin(): void {
    this.#since = performance.now();
    this.#newest = { files: 0, total: null };
    this.#again(LONG_MS);
  }

  /** Nothing is said of what was not told before. */
  end(state: 'done' | 'given-up'): void {
    clearTimeout(this.#timer);
    if (this.#isTold) this.#say(state);
    this.#isTold = false;
  }

  /** A call waits for as long as this takes. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await wait();
    } finally {
      this.#waiting -= 1;
    }
  }

  #again(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isTold = true;
      this.#say('running');
      this.#again(EVERY_MS);
    }, ms);
    this.#timer.unref();
  }

  #say(state: Told['state']): void {
    this.#newest = this.#read() ?? this.#newest;
    this.#tell({ state, ...this.#newest, ms: this.ms, waits: this.#waiting > 0 });
  }
}
