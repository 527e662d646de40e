/** What runs tell the main thread, and what they wait for. */
import type { ProcessRecord, ToolSink } from '../services/tool-port.ts';
import type { Notice } from './calls.ts';
import { LiveText } from './live-text.ts';

export class RunSinks {
  readonly #post: (notice: Notice) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #lastAck = 0;

  constructor(post: (notice: Notice) => void) {
    this.#post = post;
  }

  /** The sink of one run; works for as long as something of it goes on. */
  open(run: number): ToolSink {
    const live = new LiveText((text) => {
      this.#post({ kind: 'live', run, text });
    });
    return {
      live: (text) => {
        live.add(text);
      },
      keep: (text) => this.#acknowledged((ack) => ({ kind: 'keep', run, ack, text })),
      started: (record: ProcessRecord) => this.#acknowledged((ack) => ({ kind: 'started', run, ack, record })),
      ended: (callId) => {
        live.flush();
        this.#post({ kind: 'ended', run, callId });
      },
    };
  }

  /** The main thread has done what a run waits for, or says why it cannot. */
  done(ack: number, error: string | undefined): void {
    const waiting = this.#waiting.get(ack);
    this.#waiting.delete(ack);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new Error(error));
  }

  #acknowledged(notice: (ack: number) => Notice): Promise<void> {
    this.#lastAck += 1;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(this.#lastAck, waiting);
    this.#post(notice(this.#lastAck));
    return waiting.promise;
  }
}
