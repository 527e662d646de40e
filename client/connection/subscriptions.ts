/** The sessions that one client follows, carried from each connection to the next. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Cursor, SessionEvent } from '../../protocol/event.ts';
import type { AttachHandlers, Attachment } from './api.ts';
import { deadlineOf } from './deadlines.ts';
import type { Line } from './line.ts';
import { noAnswer } from './call-errors.ts';
import type { Link } from './link.ts';
import { Subscription } from './subscription.ts';

/** Time for reconnects on top of the daemon's own deadline. */
const RECONNECT_MS = 30_000;

export class Subscriptions {
  readonly #line: Line;
  readonly #followed = new Map<string, Subscription>();

  /** @param line with its first link. */
  constructor(line: Line) {
    this.#line = line;
    if (line.current !== undefined) this.#listen(line.current);
    line.onLink((link) => {
      this.#listen(link);
      for (const subscription of this.#followed.values()) void subscription.follow(link);
    });
    line.onStatus((status) => {
      if (status.state === 'closed') this.#endAll(line.end ?? new ProtocolError('CANCELLED', status.reason));
    });
  }

  /**
   * Follows a session.
   * @returns when its first state has been handed over.
   * @throws ProtocolError: what the daemon answered; CONFLICT when this client follows the session already.
   */
  async attach(
    sessionId: string,
    handlers: AttachHandlers,
    options: { readonly tail?: number; readonly after?: Cursor },
  ): Promise<Attachment> {
    if (this.#line.end !== undefined) throw this.#line.end;
    if (this.#followed.has(sessionId)) {
      throw new ProtocolError('CONFLICT', 'this client is attached to the session already', {
        hint: 'Detach first, or use a client of its own.',
      });
    }
    const subscription = new Subscription({
      sessionId,
      handlers,
      tail: options.tail,
      after: options.after,
      forget: (gone) => {
        if (this.#followed.get(sessionId) === gone) this.#followed.delete(sessionId);
      },
    });
    this.#followed.set(sessionId, subscription);
    this.#line.wake();
    if (this.#line.current !== undefined) void subscription.follow(this.#line.current);
    const limitMs = deadlineOf('session/attach') + RECONNECT_MS;
    const timer = setTimeout(() => {
      subscription.end(noAnswer('session/attach', limitMs));
    }, limitMs);
    try {
      await subscription.opened;
    } finally {
      clearTimeout(timer);
    }
    return subscription;
  }

  #listen(link: Link): void {
    link.onEvent((event: SessionEvent) => {
      this.#followed.get(event.sessionId)?.receive(link, event);
    });
  }

  #endAll(reason: ProtocolError): void {
    for (const subscription of this.#followed.values()) subscription.end(reason);
  }
}
