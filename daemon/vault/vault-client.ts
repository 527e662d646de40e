/** The main thread's side of the vault: typed calls with deadlines to the worker thread. */
import type { Worker } from 'node:worker_threads';
import { ProtocolError } from '../../protocol/errors.ts';
import type { VaultPort } from '../services/ports.ts';
import { Gate } from './gate.ts';
import { portOf, type Answer, type Call, type CallError } from './calls.ts';

const DEADLINE_MS = 30_000;
/** A keychain may wait for a person; deleting and checking a long session takes a while. */
const LONG_DEADLINES: Partial<Record<keyof VaultPort, number>> = {
  open: 145_000,
  // A disk that stalls is not a disk that refuses: what is on its way is waited for, since nobody could say what became of
  // it. Clients have deadlines of their own and ask again.
  append: 600_000,
  enqueue: 600_000,
  fork: 600_000,
  createSave: 600_000,
  cancelQueued: 600_000,
  appendOutput: 600_000,
  recordProcess: 600_000,
  addRule: 600_000,
  unlock: 145_000,
  lock: 145_000,
  moveKey: 145_000,
  deleteSession: 115_000,
  deleteSave: 115_000,
  verify: 115_000,
  verifyRest: 115_000,
  list: 60_000,
};

/** Stretches of output on their way at once: with more of them in one group, every other call would wait for longer. */
const MAX_STRETCHES = 4;

interface Pending {
  readonly method: keyof VaultPort;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ProtocolError) => void;
  readonly timer: NodeJS.Timeout;
}

export interface VaultClientOptions {
  /** Told when the thread ended without being asked to; the process cannot go on. */
  readonly onDeath: (reason: string, error?: unknown) => void;
  /** Told the class and frames of errors that nobody expected. */
  readonly onUnexpected: (method: string, stack: string) => void;
}

/** Speaks to the vault's thread from now on. */
export function connectVault(options: VaultClientOptions, thread: Worker): VaultPort {
  const client = new VaultClient(options, thread);
  return portOf((method, args) => client.call(method, args));
}

class VaultClient {
  readonly #options: VaultClientOptions;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #stretches = new Gate(MAX_STRETCHES);
  #lastId = 0;
  #closing = false;
  #dead = false;

  constructor(options: VaultClientOptions, worker: Worker) {
    this.#options = options;
    this.#worker = worker;
    worker.on('message', (answer: Answer) => {
      this.#settle(answer);
    });
    worker.on('error', (error) => {
      this.#die('error', error);
    });
    worker.on('exit', (code) => {
      this.#die(`exit code ${code}`);
    });
    // It may have ended before anybody listened.
    if (worker.threadId === -1)
      queueMicrotask(() => {
        this.#die('ended at once');
      });
  }

  async call(method: keyof VaultPort, args: readonly unknown[]): Promise<unknown> {
    if (method === 'appendOutput') return this.#stretches.through(() => this.#send(method, args));
    if (method !== 'close') return this.#send(method, args);
    // What has ended by itself needs no closing.
    if (this.#dead) return undefined;
    this.#closing = true;
    await this.#send(method, args);
    await this.#worker.terminate();
    return undefined;
  }

  #send(method: keyof VaultPort, args: readonly unknown[]): Promise<unknown> {
    if (this.#dead) return Promise.reject(closedError());
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(
          new ProtocolError('DEADLINE', 'the store did not answer in time', {
            hint: 'See `mctl doctor`.',
            retryable: true,
          }),
        );
      }, LONG_DEADLINES[method] ?? DEADLINE_MS);
      this.#pending.set(id, { method, resolve, reject, timer });
      // A passphrase is handed over: a copy made on the way would stay in memory that nobody overwrites.
      const last = args.at(-1);
      const handedOver = last instanceof Uint8Array ? [last.buffer as ArrayBuffer] : [];
      this.#worker.postMessage([id, method, args] satisfies Call, handedOver);
    });
  }

  #settle([id, value, error]: Answer): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    clearTimeout(call.timer);
    if (error === undefined) call.resolve(value);
    else call.reject(this.#toError(call.method, error));
  }

  #toError(method: string, error: CallError): ProtocolError {
    const { kind, message, hint, retryable } = error;
    if (error.stack !== undefined) this.#options.onUnexpected(method, error.stack);
    return new ProtocolError(kind, message, { hint, retryable });
  }

  #die(reason: string, error?: unknown): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer);
      call.reject(closedError());
    }
    this.#pending.clear();
    if (!this.#closing) this.#options.onDeath(reason, error);
  }
}

function closedError(): ProtocolError {
  return new ProtocolError('DRAINING', 'the store was closed', { retryable: true });
}
