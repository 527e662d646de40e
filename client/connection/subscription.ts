/** One attached session: its events in order, each durable one once, over however many connections. */
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';
import type { Cursor, DurableEventType, SessionEvent } from '../../protocol/event.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { AttachHandlers, Attachment } from './api.ts';
import { Backoff, pause } from './pause.ts';
import { deadlineOf } from './deadlines.ts';
import { LinkLost } from './call-errors.ts';
import type { Link } from './link.ts';

type AttachResult = ResultOf<'session/attach'>;

const IS_DURABLE: Record<SessionEvent['type'], boolean> = {
  message: true,
  turn: true,
  cutoff: true,
  settings: true,
  title: true,
  origin: true,
  call: true,
  approval: true,
  summary: true,
  retry: true,
  snapshot: true,
  delta: false,
  output: false,
  capture: false,
  queue: false,
  storage: false,
  presence: false,
  session: false,
  deleted: false,
} satisfies Record<DurableEventType, true> & Record<Exclude<SessionEvent['type'], DurableEventType>, false>;

/** Answers after which there is nothing left to follow. */
const FINAL: readonly ErrorKind[] = [
  'NOT_FOUND',
  'TAMPERED',
  'INVALID_PARAMS',
  'INVALID_REQUEST',
  'METHOD_NOT_FOUND',
  'STORE_TOO_NEW',
  'KEY_MISMATCH',
];

export interface SubscriptionOptions {
  readonly sessionId: string;
  readonly handlers: AttachHandlers;
  readonly tail: number | undefined;
  readonly after: Cursor | undefined;
  /** Called once when no further event is wanted. */
  readonly forget: (subscription: Subscription) => void;
}

export class Subscription implements Attachment {
  readonly sessionId: string;
  /** Settles with the first answer. */
  readonly opened: Promise<void>;
  readonly #options: SubscriptionOptions;
  readonly #first = Promise.withResolvers<void>();
  #cursor: Cursor | undefined;
  #link: Link | undefined;
  #isOpened = false;
  /** The handlers have no state to go on from: never opened, or the cursor means nothing any more. */
  #mustOpen = true;
  #isOver = false;
  /** Events that came before the answer to the request that brought them. */
  #early: SessionEvent[] | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
    this.#cursor = options.after;
    this.opened = this.#first.promise;
    // The one who attaches may have given up waiting.
    this.opened.catch(() => undefined);
  }

  get cursor(): Cursor {
    return this.#cursor ?? { generation: '', seq: 0 };
  }

  /** Subscribes on a connection; what went before on another one is continued. Never rejects. */
  async follow(link: Link): Promise<void> {
    this.#link = link;
    const backoff = new Backoff({ firstMs: 50, longestMs: 2_000 });
    while (this.#isCurrent(link)) {
      try {
        this.#early = [];
        const answer = await this.#request(link);
        if (this.#isCurrent(link)) this.#accept(answer);
        return;
      } catch (error) {
        if (error instanceof LinkLost || !this.#isCurrent(link)) return;
        if (this.#isFinal(error)) {
          this.end(error);
          return;
        }
        await pause(retryPause(error, backoff));
      }
    }
  }

  /** Takes an event of a connection. */
  receive(link: Link, event: SessionEvent): void {
    if (!this.#isCurrent(link)) return;
    if (this.#early !== undefined) {
      this.#early.push(event);
      return;
    }
    this.#deliver(event);
  }

  /** There is nothing to follow any more: the first wait rejects, a stream that was open is told. */
  end(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.forget(this);
    if (this.#isOpened) this.#tell(() => this.#options.handlers.ended(sentence(reason)));
    else this.#first.reject(reason);
  }

  async detach(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.forget(this);
    this.#first.reject(new ProtocolError('CANCELLED', 'detached before the session was opened'));
    const { sessionId } = this;
    try {
      await this.#link?.request('session/detach', { sessionId }, { timeoutMs: deadlineOf('session/detach') });
    } catch (error) {
      // The subscription has gone with its connection.
      if (!(error instanceof LinkLost)) throw error;
    }
  }

  #isCurrent(link: Link): boolean {
    return !this.#isOver && this.#link === link && link.isOpen;
  }

  async #request(link: Link): Promise<AttachResult> {
    const { sessionId, tail } = this.#options;
    const timeoutMs = deadlineOf('session/attach');
    if (this.#cursor !== undefined) {
      try {
        return await link.request('session/attach', { sessionId, after: this.#cursor }, { timeoutMs });
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.kind !== 'CURSOR_GONE') throw error;
        this.#cursor = undefined;
        this.#mustOpen = true;
      }
    }
    return link.request('session/attach', { sessionId, ...(tail === undefined ? {} : { tail }) }, { timeoutMs });
  }

  #accept(answer: AttachResult): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#cursor ??= answer.cursor;
    const { session, cursor, live, queue, unsaved } = answer;
    // A daemon from before there were questions says nothing of them.
    const approvals = (answer.approvals as AttachResult['approvals'] | undefined) ?? [];
    if (!this.#mustOpen) {
      this.#tell(() => this.#options.handlers.resumed({ cursor, live, queue, approvals, unsaved }));
    } else {
      this.#mustOpen = false;
      this.#isOpened = true;
      const events = answer.events as SessionEvent[];
      this.#tell(() => this.#options.handlers.opened({ session, events, live, queue, approvals, unsaved }));
    }
    this.#first.resolve();
    for (const event of early) this.#deliver(event);
  }

  #deliver(event: SessionEvent): void {
    const cursor = this.#cursor;
    if (this.#isOver || cursor === undefined || event.generation !== cursor.generation) return;
    if (IS_DURABLE[event.type]) {
      if (event.seq <= cursor.seq) return;
      this.#cursor = { generation: cursor.generation, seq: event.seq };
    }
    this.#tell(() => this.#options.handlers.event(event));
    if (event.type === 'deleted') this.end(new ProtocolError('NOT_FOUND', 'the session was deleted'));
  }

  /** A handler that throws is a bug of the frontend's: it must come to light there, not in the middle of our stream. */
  #tell(action: () => void): void {
    try {
      action();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #isFinal(error: unknown): boolean {
    if (!(error instanceof ProtocolError)) return true;
    // Whoever attaches for the first time waits for an answer, and gets this one unless it will pass.
    return this.#isOpened ? FINAL.includes(error.kind) : !error.retryable;
  }
}

function sentence(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function retryPause(error: unknown, backoff: Backoff): number {
  const asked = error instanceof ProtocolError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(asked, backoff.next());
}
