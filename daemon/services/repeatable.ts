/** Work that a client may ask for again because it has not heard how it ended. */
import { ProtocolError } from '../../protocol/errors.ts';

interface Asked<T> {
  readonly fingerprint: string;
  readonly result: Promise<T>;
}

/** While the daemon runs, the same operation is done once. What has failed may be tried again. */
export class Repeatable<T> {
  readonly #remembered: number;
  readonly #asked = new Map<string, Asked<T>>();

  /** @param remembered how many results are kept. */
  constructor(remembered: number) {
    this.#remembered = remembered;
  }

  /** @throws ProtocolError CONFLICT when this operation was something else. */
  async once(opId: string, fingerprint: string, work: () => Promise<T>): Promise<T> {
    const earlier = this.#asked.get(opId);
    if (earlier !== undefined) {
      if (earlier.fingerprint === fingerprint) return await earlier.result;
      throw new ProtocolError('CONFLICT', 'this operation id was used for another request');
    }
    const result = work();
    this.#asked.set(opId, { fingerprint, result });
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > this.#remembered && oldest !== undefined) this.#asked.delete(oldest);
    try {
      return await result;
    } catch (error) {
      this.#asked.delete(opId);
      throw error;
    }
  }
}
