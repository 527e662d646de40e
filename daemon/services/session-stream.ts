/** The stream of one session: what was published last, who listens, and the reply that is being written. */
import type { EphemeralEventType, EventData } from '../../protocol/event.ts';
import type { ClientPort } from './client-port.ts';
import { durableFrame, ephemeralFrame, type EventOrigin } from './frames.ts';
import type { LiveChannel, LiveReply, LiveSnapshot } from './live-reply.ts';
import type { ClockPort, StoredEntry, VaultPort } from './ports.ts';
import { Subscription, type StreamSource } from './subscription.ts';

/** What a session is doing that is not in its log. Shared with whoever does it, also while nobody listens. */
export interface SessionNow {
  /** The reply that is being written. */
  live: LiveReply | undefined;
  /** Why what is on screen is not durable; null while it is. */
  unsaved: string | null;
}

/** Frames kept for clients that are a little behind. */
const RING_FRAMES = 256;
const RING_BYTES = 1024 * 1024;
/** Entries that a client further behind is read at a time. */
const PAGE = 200;
const PAGE_BYTES = 1024 * 1024;

interface RingFrame {
  readonly seq: number;
  readonly frame: Buffer;
}

export class SessionStream implements StreamSource {
  readonly origin: EventOrigin;
  readonly #vault: VaultPort;
  readonly #clock: ClockPort;
  readonly #onFailure: (error: unknown) => void;
  readonly #subscriptions = new Map<ClientPort, Subscription>();
  readonly #ring: RingFrame[] = [];
  #ringBytes = 0;
  #lastSeq: number;
  readonly #now: SessionNow;

  constructor(
    origin: EventOrigin,
    lastSeq: number,
    parts: { vault: VaultPort; clock: ClockPort; now: SessionNow; onFailure: (error: unknown) => void },
  ) {
    this.origin = origin;
    this.#lastSeq = lastSeq;
    this.#vault = parts.vault;
    this.#clock = parts.clock;
    this.#now = parts.now;
    this.#onFailure = parts.onFailure;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get attached(): number {
    return this.#subscriptions.size;
  }

  get unsaved(): string | null {
    return this.#now.unsaved;
  }

  isAttached(client: ClientPort): boolean {
    return this.#subscriptions.has(client);
  }

  /** Who is attached besides this client. */
  attachedElsewhere(client: ClientPort): boolean {
    return this.attached > (this.isAttached(client) ? 1 : 0);
  }

  /** Entries that are durable now, in order. */
  publish(entries: readonly StoredEntry[]): void {
    for (const entry of entries) {
      if (entry.seq <= this.#lastSeq) continue;
      this.#lastSeq = entry.seq;
      const frame = durableFrame(this.origin, entry);
      this.#keep(entry.seq, frame);
      for (const subscription of this.#subscriptions.values()) subscription.durable(entry.seq, frame);
    }
  }

  notify<T extends EphemeralEventType>(type: T, turn: number, data: EventData<T>): void {
    if (this.#subscriptions.size === 0) return;
    const frame = ephemeralFrame(this.origin, { seq: this.#lastSeq, type, turn, at: this.#clock.now(), data });
    for (const subscription of this.#subscriptions.values()) subscription.notice(frame);
  }

  /** More of the live reply. */
  delta(reply: LiveReply, channel: LiveChannel, offset: number, text: string): void {
    if (this.#subscriptions.size === 0) return;
    const live = reply.told();
    const frame = this.deltaFrame(live, channel, offset, text);
    for (const subscription of this.#subscriptions.values()) subscription.delta(live, frame);
  }

  /** Adds a client. The caller calls `pump` once the answer to its attach is on its way. */
  subscribe(client: ClientPort, cursor: number): Subscription {
    this.#subscriptions.get(client)?.end();
    const subscription = new Subscription(client, this, cursor);
    this.#subscriptions.set(client, subscription);
    this.#presence();
    return subscription;
  }

  unsubscribe(client: ClientPort): void {
    const subscription = this.#subscriptions.get(client);
    if (subscription === undefined) return;
    subscription.end();
    this.#subscriptions.delete(client);
    this.#presence();
  }

  drained(client: ClientPort): void {
    this.#subscriptions.get(client)?.drained();
  }

  live(): LiveSnapshot | undefined {
    return this.#now.live?.told();
  }

  deltaFrame(live: LiveSnapshot, channel: LiveChannel, offset: number, text: string): Buffer {
    const { turn, step } = live;
    const data = { step, channel, offset, text };
    return ephemeralFrame(this.origin, { seq: this.#lastSeq, type: 'delta', turn, at: this.#clock.now(), data });
  }

  async framesAfter(seq: number): Promise<readonly RingFrame[]> {
    const oldest = this.#ring[0]?.seq;
    if (oldest !== undefined && oldest <= seq + 1) return this.#ring.filter((kept) => kept.seq > seq);
    const { sessionId } = this.origin;
    const { entries } = await this.#vault.read({ sessionId, after: seq, limit: PAGE, maxBytes: PAGE_BYTES });
    return entries.map((entry) => ({ seq: entry.seq, frame: durableFrame(this.origin, entry) }));
  }

  failed(error: unknown): void {
    this.#onFailure(error);
  }

  #presence(): void {
    this.notify('presence', 0, { attached: this.attached });
  }

  #keep(seq: number, frame: Buffer): void {
    // What is kept has no gap, so that whoever reads from it misses nothing.
    if (this.#ring.length > 0 && this.#ring.at(-1)?.seq !== seq - 1) {
      this.#ring.length = 0;
      this.#ringBytes = 0;
    }
    this.#ring.push({ seq, frame });
    this.#ringBytes += frame.length;
    while (this.#ring.length > RING_FRAMES || (this.#ringBytes > RING_BYTES && this.#ring.length > 1)) {
      this.#ringBytes -= this.#ring.shift()?.frame.length ?? 0;
    }
  }
}
