/** One client's place in the stream of one session. It is told by cursor, never by a queue, so it costs the same however slow it is. */
import type { ClientPort } from './client-port.ts';
import type { LiveChannel, LiveSnapshot } from './live-reply.ts';

/** A client that takes nothing for so long is disconnected; it comes back with its cursor. */
const STALLED_MS = 30_000;

/** What a subscription needs from the stream it belongs to. */
export interface StreamSource {
  /** Newest durable sequence that has been published. */
  readonly lastSeq: number;
  /** Frames after a sequence, oldest first, at least one while there are any. */
  framesAfter(seq: number): Promise<readonly { readonly seq: number; readonly frame: Buffer }[]>;
  /** The live reply as far as clients have been told. */
  live(): LiveSnapshot | undefined;
  deltaFrame(live: LiveSnapshot, channel: LiveChannel, offset: number, text: string): Buffer;
  /** The stream could not be read; the client has to attach again. */
  failed(error: unknown): void;
}

/** `live`: gets frames as they are made. `behind`: reads its way up to the end. `blocked`: waits for the socket. */
type Mode = 'live' | 'behind' | 'blocked';

export class Subscription {
  readonly client: ClientPort;
  /** The live reply that the client is given with the answer to its attach. */
  readonly given: LiveSnapshot | undefined;
  readonly #source: StreamSource;
  #cursor: number;
  #mode: Mode = 'behind';
  #pumping = false;
  #ended = false;
  #stalled: NodeJS.Timeout | undefined;
  /** The live reply as this client knows it. */
  #known: { turn: number; step: number; text: number; reasoning: number } | undefined;

  /**
   * @param cursor everything after it is sent, from the first `pump` on.
   */
  constructor(client: ClientPort, source: StreamSource, cursor: number) {
    this.client = client;
    this.given = source.live();
    this.#source = source;
    this.#cursor = cursor;
    if (this.given !== undefined) this.#remember(this.given);
  }

  /** A durable event was published. */
  durable(seq: number, frame: Buffer): void {
    if (this.#mode !== 'live' || seq <= this.#cursor) return;
    if (seq !== this.#cursor + 1) {
      this.#mode = 'behind';
      this.pump();
      return;
    }
    this.#cursor = seq;
    this.#send(frame);
  }

  /** Something ephemeral: who is behind does without it. */
  notice(frame: Buffer): void {
    if (this.#mode === 'live') this.#send(frame);
  }

  /** More of the live reply. */
  delta(live: LiveSnapshot, frame: Buffer): void {
    if (this.#mode !== 'live') return;
    this.#remember(live);
    this.#send(frame);
  }

  /** The socket has taken everything. */
  drained(): void {
    if (this.#mode !== 'blocked') return;
    clearTimeout(this.#stalled);
    this.#mode = 'behind';
    this.pump();
  }

  /** Reads up to the end of the log and goes live. */
  pump(): void {
    if (this.#pumping || this.#ended) return;
    this.#pumping = true;
    this.#catchUp()
      .catch((error: unknown) => {
        this.#source.failed(error);
      })
      .finally(() => {
        this.#pumping = false;
      });
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#stalled);
  }

  async #catchUp(): Promise<void> {
    while (this.#mode === 'behind') {
      if (this.#ended) return;
      if (this.#cursor >= this.#source.lastSeq) {
        this.#mode = 'live';
        this.#sendMissedLive();
        return;
      }
      for (const { seq, frame } of await this.#source.framesAfter(this.#cursor)) {
        if (this.#ended || this.#mode !== 'behind') return;
        if (seq <= this.#cursor) continue;
        this.#cursor = seq;
        this.#send(frame);
      }
    }
  }

  #sendMissedLive(): void {
    const live = this.#source.live();
    if (live === undefined) return;
    const known = this.#known?.turn === live.turn && this.#known.step === live.step ? this.#known : undefined;
    for (const channel of ['reasoning', 'text'] as const) {
      const offset = known?.[channel] ?? 0;
      if (offset < live[channel].length) {
        this.#send(this.#source.deltaFrame(live, channel, offset, live[channel].slice(offset)));
      }
    }
    this.#remember(live);
  }

  #remember(live: LiveSnapshot): void {
    this.#known = { turn: live.turn, step: live.step, text: live.text.length, reasoning: live.reasoning.length };
  }

  #send(frame: Buffer): void {
    if (this.client.sendFrame(frame) || this.#ended) return;
    this.#mode = 'blocked';
    clearTimeout(this.#stalled);
    this.#stalled = setTimeout(() => {
      this.client.disconnect();
    }, STALLED_MS);
    this.#stalled.unref();
  }
}
