/** Keeps the whole of an output, once it is more than a model is shown, a stretch at a time and up to a limit. */
import { KEEP_MS, MAX_KEPT, MAX_OUTPUT, MAX_STRETCH } from './limits.ts';

/** UTF-16 units that are never more than a stretch, whatever they are. */
const SAFE_UNITS = Math.floor(MAX_STRETCH / 3);

export type Keeping = 'nothing' | 'whole' | 'limit' | 'failed';

export class KeptText {
  readonly #keep: (stretch: string) => Promise<void>;
  #waiting = '';
  #length = 0;
  #bytes = 0;
  #state: Keeping = 'nothing';
  #why = '';

  /** @param keep resolves when there is room for more; what follows waits for it. */
  constructor(keep: (stretch: string) => Promise<void>) {
    this.#keep = keep;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get state(): Keeping {
    return this.#state;
  }

  /** What whoever keeps it said when it could not be kept; empty when nothing was said. */
  get why(): string {
    return this.#why;
  }

  async add(text: string): Promise<void> {
    if (this.#state === 'limit' || this.#state === 'failed') return;
    this.#waiting += text;
    this.#length += text.length;
    if (this.#length <= MAX_OUTPUT) return;
    this.#state = 'whole';
    while (this.#waiting.length >= MAX_STRETCH && this.#state === 'whole') await this.#next();
  }

  /** Keeps what is left, unless that takes too long. To be called when everything was added. */
  async end(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.giveUp();
      late.resolve();
    }, KEEP_MS);
    await Promise.race([this.#rest(), late.promise]);
    clearTimeout(timer);
  }

  /** Keeps nothing more. */
  giveUp(): void {
    if (this.#state === 'whole') this.#stop('failed');
  }

  async #rest(): Promise<void> {
    while (this.#waiting !== '' && this.#state === 'whole') await this.#next();
  }

  async #next(): Promise<void> {
    const room = Math.min(MAX_STRETCH, MAX_KEPT - this.#bytes);
    const stretch = beginning(this.#waiting, room);
    this.#waiting = this.#waiting.slice(stretch.length);
    if (stretch === '') {
      this.#stop('limit');
      return;
    }
    try {
      await this.#keep(stretch);
      this.#bytes += Buffer.byteLength(stretch);
    } catch (error) {
      // The command goes on and its outcome says that not all of its output is there.
      this.#why = error instanceof Error ? error.message : '';
      this.#stop('failed');
    }
  }

  #stop(state: Keeping): void {
    this.#state = state;
    this.#waiting = '';
  }
}

/** As much of a text as fits into so many bytes of UTF-8, or a little less; no character is cut. */
function beginning(text: string, bytes: number): string {
  let part = text.slice(0, bytes);
  if (Buffer.byteLength(part) > bytes) part = text.slice(0, Math.min(SAFE_UNITS, Math.floor(bytes / 3)));
  const last = part.charCodeAt(part.length - 1);
  return last >= 0xd800 && last <= 0xdbff && part.length < text.length ? part.slice(0, -1) : part;
}
