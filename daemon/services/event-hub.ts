/** Every session's stream, made when somebody listens or something happens, and let go when neither is true. */
import type { Cursor, SessionAttachResult } from '../../protocol/event.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type * as z from 'zod/mini';
import type { ApprovalService } from './approval-service.ts';
import type { ClientPort } from './client-port.ts';
import { isoTime, presentSession } from './present.ts';
import type { ClockPort, SessionHead, StoreIdentity, StoredEntry, VaultPort } from './ports.ts';
import { SessionStream, type SessionNow } from './session-stream.ts';
import type { LiveChannel, LiveReply } from './live-reply.ts';
import { promptOf } from './prompt-body.ts';

export type AttachAnswer = z.infer<typeof SessionAttachResult>;

const DEFAULT_TAIL = 50;
const TAIL_BYTES = 4 * 1024 * 1024;

export interface EventHubParts {
  readonly vault: VaultPort;
  readonly clock: ClockPort;
  readonly approvals: Pick<ApprovalService, 'pending'>;
  /** Told of streams that could not be read. */
  readonly onFailure: (sessionId: string, error: unknown) => void;
}

export class EventHub {
  readonly #parts: EventHubParts;
  readonly #streams = new Map<string, SessionStream>();
  readonly #now = new Map<string, SessionNow>();
  readonly #clients = new Map<ClientPort, Set<SessionStream>>();
  #generation = '';

  constructor(parts: EventHubParts) {
    this.#parts = parts;
  }

  opened(store: StoreIdentity): void {
    this.#generation = store.generation;
  }

  /** The stream of a session that somebody listens to or that works; the caller says where its log ends. */
  stream(sessionId: string, lastSeq: number): SessionStream {
    let stream = this.#streams.get(sessionId);
    if (stream === undefined) {
      const { vault, clock, onFailure } = this.#parts;
      stream = new SessionStream({ sessionId, generation: this.#generation }, lastSeq, {
        vault,
        clock,
        now: this.#nowOf(sessionId),
        onFailure: (error) => {
          onFailure(sessionId, error);
        },
      });
      this.#streams.set(sessionId, stream);
    }
    return stream;
  }

  /** The stream, if there is one. */
  existing(sessionId: string): SessionStream | undefined {
    return this.#streams.get(sessionId);
  }

  /** The reply that a session writes from now on, or none. */
  setLive(sessionId: string, live: LiveReply | undefined): void {
    this.#nowOf(sessionId).live = live;
    this.#forgetQuiet(sessionId);
  }

  /** More of the reply that is being written. */
  delta(sessionId: string, reply: LiveReply, channel: LiveChannel, offset: number, text: string): void {
    this.#streams.get(sessionId)?.delta(reply, channel, offset, text);
  }

  /** Why something of a session is in memory only; null when it is durable. */
  setUnsaved(sessionId: string, reason: string | null): void {
    const now = this.#nowOf(sessionId);
    if (now.unsaved !== reason) {
      now.unsaved = reason;
      const data = { state: reason === null ? ('saved' as const) : ('unsaved' as const), reason: reason ?? '' };
      this.#streams.get(sessionId)?.notify('storage', 0, data);
    }
    this.#forgetQuiet(sessionId);
  }

  isUnsaved(sessionId: string): boolean {
    return (this.#now.get(sessionId)?.unsaved ?? null) !== null;
  }

  attached(sessionId: string): number {
    return this.#streams.get(sessionId)?.attached ?? 0;
  }

  /** Entries that were written for a session, whoever listens. */
  publish(sessionId: string, entries: readonly StoredEntry[]): void {
    this.#streams.get(sessionId)?.publish(entries);
  }

  /** @throws ProtocolError NOT_FOUND, CURSOR_GONE */
  async attach(
    client: ClientPort,
    sessionId: string,
    options: { after: Cursor | undefined; tail: number | undefined },
  ): Promise<AttachAnswer> {
    const { vault } = this.#parts;
    const queue = (await vault.readQueue(sessionId)).filter((prompt) => !prompt.cancelled);
    const head = await vault.head(sessionId);
    const stream = this.stream(sessionId, head.lastSeq);
    const { after } = options;
    if (after !== undefined && (after.generation !== this.#generation || after.seq > stream.lastSeq)) {
      throw new ProtocolError('CURSOR_GONE', 'this position is not part of the session any more', {
        hint: 'Attach without a cursor.',
      });
    }
    // In the same breath as the look at the head: nothing that is published from here on can be missed.
    this.#remember(client, stream);
    const subscription = stream.subscribe(client, after?.seq ?? head.lastSeq);
    const events = after === undefined ? await this.#tail(client, head, options.tail ?? DEFAULT_TAIL) : [];
    // The answer must be on its way before the first event.
    setImmediate(() => {
      subscription.pump();
    });
    return {
      session: presentSession(head, stream.attached, stream.unsaved !== null),
      cursor: { generation: this.#generation, seq: head.lastSeq },
      events,
      live: subscription.given ?? null,
      approvals: this.#parts.approvals.pending(sessionId).map(({ turn, question }) => ({ turn, question })),
      queue: queue.map(({ turn, body }) => ({ turn, parts: promptOf(body).parts })),
      unsaved: stream.unsaved,
    };
  }

  async #tail(client: ClientPort, head: SessionHead, limit: number): Promise<AttachAnswer['events']> {
    if (limit === 0) return [];
    const sessionId = head.id;
    try {
      const before = head.lastSeq + 1;
      const { entries } = await this.#parts.vault.read({ sessionId, before, limit, maxBytes: TAIL_BYTES });
      return entries.map((entry) => this.#envelope(sessionId, entry));
    } catch (error) {
      this.detach(client, sessionId);
      throw error;
    }
  }

  detach(client: ClientPort, sessionId: string): void {
    const stream = this.#streams.get(sessionId);
    if (stream === undefined) return;
    stream.unsubscribe(client);
    this.#clients.get(client)?.delete(stream);
    this.#release(sessionId);
  }

  #release(sessionId: string): void {
    if (this.#streams.get(sessionId)?.attached === 0) this.#streams.delete(sessionId);
    this.#forgetQuiet(sessionId);
  }

  #nowOf(sessionId: string): SessionNow {
    let now = this.#now.get(sessionId);
    if (now === undefined) {
      now = { live: undefined, unsaved: null };
      this.#now.set(sessionId, now);
    }
    return now;
  }

  /** A stream keeps the object that it was made with, so only what no stream holds can be forgotten. */
  #forgetQuiet(sessionId: string): void {
    const now = this.#now.get(sessionId);
    if (now?.live === undefined && now?.unsaved === null && !this.#streams.has(sessionId)) this.#now.delete(sessionId);
  }

  /** The session is gone: its listeners are told and the stream ends. */
  deleted(sessionId: string): void {
    const stream = this.#streams.get(sessionId);
    if (stream === undefined) return;
    stream.notify('deleted', 0, {});
    for (const [client, streams] of this.#clients) {
      if (streams.delete(stream)) stream.unsubscribe(client);
    }
    this.#streams.delete(sessionId);
  }

  #remember(client: ClientPort, stream: SessionStream): void {
    let streams = this.#clients.get(client);
    if (streams === undefined) {
      const attached = new Set<SessionStream>();
      streams = attached;
      this.#clients.set(client, attached);
      client.onDrain(() => {
        for (const one of attached) one.drained(client);
      });
      client.onClose(() => {
        this.#clients.delete(client);
        for (const one of attached) {
          one.unsubscribe(client);
          this.#release(one.origin.sessionId);
        }
      });
    }
    streams.add(stream);
  }

  #envelope(sessionId: string, entry: StoredEntry): AttachAnswer['events'][number] {
    const { seq, type, turn, at, body } = entry;
    return {
      sessionId,
      generation: this.#generation,
      seq,
      type,
      turn,
      at: isoTime(at),
      data: JSON.parse(body) as unknown,
    };
  }
}
