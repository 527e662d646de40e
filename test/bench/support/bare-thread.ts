/** The bare insert asked of a thread, as the vault is asked. */
import { Worker } from 'node:worker_threads';
import { CHILD } from './places.ts';

export class BareThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, () => void>();
  #lastId = 0;

  constructor(file: string) {
    this.#worker = new Worker(CHILD, { workerData: ['bare-worker', file] });
    this.#worker.on('message', ([id]: [number]) => {
      this.#pending.get(id)?.();
      this.#pending.delete(id);
    });
  }

  insert(text: string): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      this.#worker.postMessage([id, text]);
    });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage([0]);
    await ended;
  }
}
