/**
 * The workspace thread's side of its watch thread.
 *
 * A scan is synchronous, so its question is too: it sleeps until the answer is there, or until the deadline.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { MessageChannel, Worker, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { ByteText } from '../byte-text.ts';
import type { Dirt, Doubt, Refusal, WatchAnswer, WatchCall, WatchSettings, WatchStart } from './watch-calls.ts';

/** Milliseconds that the thread has to end by itself. */
const GRACE = 500;
/** Questions in a row without an answer, after which it hangs. */
const PATIENCE = 5;
/** Memory of the thread's script: about two kilobytes a watch. */
const LIMITS = { maxOldGenerationSizeMb: 384, maxYoungGenerationSizeMb: 16 };

export class Watcher {
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #deadline: number;
  #question = 0;
  /** The question whose answer the running scan goes by; 0 for none. */
  #answered = 0;
  #settled = 0;
  #unanswered = 0;
  #over: string | undefined;
  readonly #ended: Promise<unknown>;

  /** @param deadline milliseconds for an answer, after which a scan of everything begins instead. */
  constructor(settings: WatchSettings, script: string, deadline: number) {
    this.#deadline = deadline;
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    const start: WatchStart = { ...settings, bell: this.#bell.buffer, answers: port2 };
    this.#worker = new Worker(script, { workerData: start, transferList: [port2], resourceLimits: LIMITS });
    // Neither keeps the workspace thread from ending.
    this.#worker.unref();
    port1.unref();
    this.#worker.on('error', (error) => {
      this.#over ??= `the thread that watches broke: ${error instanceof Error ? error.message : 'unknown error'}`;
    });
    this.#worker.on('exit', (code) => {
      this.#over ??= `the thread that watches ended with code ${code}`;
    });
    this.#ended = once(this.#worker, 'exit').catch(() => undefined);
  }

  /** Why nothing will be told any more; the thread is of no use then. Undefined while it is there, as far as is known. */
  get over(): string | undefined {
    return this.#over;
  }

  /** Where something may have changed since the last call of `watch`. Takes at most the deadline. */
  dirty(): Dirt | Doubt | Refusal {
    this.#answered = 0;
    if (this.#over !== undefined) return { kind: 'doubt', reason: this.#over };
    this.#question += 1;
    this.#send({ kind: 'ask', question: this.#question, settled: this.#settled });
    const dirt = this.#wait(performance.now() + this.#deadline);
    if (dirt === undefined) return this.#noAnswer();
    this.#unanswered = 0;
    this.#answered = this.#question;
    return dirt;
  }

  /**
   * A scan is complete: what `dirty` told before it was looked at. Without this call it is told again.
   *
   * @param directories that the scan looked at; all there are with `whole`.
   */
  watch(directories: readonly ByteText[], whole: boolean): void {
    if (this.#answered !== 0) this.#settled = this.#answered;
    this.#answered = 0;
    if (this.#over === undefined && (whole || directories.length > 0))
      this.#send({ kind: 'watch', directories, whole });
  }

  /** What the thread has started is ended before it. */
  async close(): Promise<void> {
    this.#over ??= 'the thread that watches was ended';
    this.#answers.close();
    this.#worker.ref();
    this.#send({ kind: 'end' });
    await Promise.race([this.#ended, setTimeout(GRACE, undefined, { ref: false })]);
    await this.#worker.terminate();
  }

  /** Whoever is only slow answers now and then. */
  #noAnswer(): Doubt {
    const reason = `no answer from the watches within ${this.#deadline} ms`;
    this.#unanswered += 1;
    if (this.#unanswered >= PATIENCE) this.#over ??= `${reason}, ${PATIENCE} times in a row`;
    return { kind: 'doubt', reason };
  }

  #wait(until: number): Dirt | Doubt | Refusal | undefined {
    for (;;) {
      const seen = Atomics.load(this.#bell, 0);
      const message = receiveMessageOnPort(this.#answers) as { message: WatchAnswer } | undefined;
      if (message?.message.question === this.#question) return message.message.dirt;
      // An answer that came too late for an earlier question says nothing about this one.
      if (message !== undefined) continue;
      const left = until - performance.now();
      if (left <= 0 || Atomics.wait(this.#bell, 0, seen, left) === 'timed-out') return undefined;
    }
  }

  #send(call: WatchCall): void {
    this.#worker.postMessage(call);
  }
}
