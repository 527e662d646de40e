/** An attached frontend that trusts nobody: what it was told, in which order, and where that was wrong. */
import type { AttachHandlers, Client } from '../../../client/connection/api.ts';
import type { Change } from '../../../client/conversation/change.ts';
import { Conversation } from '../../../client/conversation/conversation.ts';
import { textOf } from '../../../client/conversation/reply-text.ts';
import type { DurableEventType, EventOf, SessionEvent } from '../../../protocol/event.ts';
import type { TurnState } from '../../../protocol/turn.ts';
import { waitUntil } from '../../support/real-daemon.ts';

export type DurableEvent = EventOf<DurableEventType>;

const EPHEMERAL = new Set<SessionEvent['type']>(['delta', 'queue', 'storage', 'presence', 'session', 'deleted']);
const OVER = new Set<TurnState>(['completed', 'failed', 'cancelled', 'interrupted']);

export class Follower implements AttachHandlers {
  /** Durable events in the order in which they came. */
  readonly events: DurableEvent[] = [];
  readonly problems: string[] = [];
  /** How each turn ended that has ended. */
  readonly ends = new Map<number, EventOf<'turn'>['data']>();
  readonly cutoffs: EventOf<'cutoff'>[] = [];
  resumes = 0;
  deltas = 0;
  readonly #name: string;
  readonly #conversation: Conversation;
  /** What a frontend has on screen of each reply, by turn and step. */
  readonly #shown = new Map<string, string>();
  #opened = 0;
  #cursor = 0;

  private constructor(name: string) {
    this.#name = name;
    this.#conversation = new Conversation((change) => {
      this.#show(change);
    });
  }

  /** Attaches from the beginning of the log. */
  static async attach(client: Client, sessionId: string, name: string): Promise<Follower> {
    const follower = new Follower(name);
    await client.attach(sessionId, follower, { tail: 500 });
    return follower;
  }

  /** The text of a reply as a frontend has it on screen. */
  shown(turn: number, step: number): string {
    return this.#shown.get(`${turn}.${step}`) ?? '';
  }

  /** Live text of any turn that contains something. */
  async untilShown(turn: number, text: string, limitMs = 15_000): Promise<void> {
    await waitUntil(
      `${this.#name} sees ${JSON.stringify(text)} in turn ${turn}`,
      () => [...this.#shown].some(([key, shown]) => key.startsWith(`${turn}.`) && shown.includes(text)),
      limitMs,
    );
  }

  async untilOver(turn: number, limitMs = 30_000): Promise<EventOf<'turn'>['data']> {
    await waitUntil(`${this.#name} sees the end of turn ${turn}`, () => this.ends.has(turn), limitMs);
    return this.ends.get(turn) ?? { state: 'failed' };
  }

  /** The states that a turn went through. */
  states(turn: number): TurnState[] {
    return this.events.flatMap((event) => (event.type === 'turn' && event.turn === turn ? [event.data.state] : []));
  }

  opened(snapshot: Parameters<AttachHandlers['opened']>[0]): void {
    this.#opened += 1;
    if (this.#opened > 1) this.#wrong('was opened again');
    this.#conversation.opened(snapshot);
    this.#cursor = (snapshot.events[0]?.seq ?? snapshot.session.lastSeq + 1) - 1;
    for (const event of snapshot.events) this.#keep(event);
    if (this.#cursor !== snapshot.session.lastSeq) this.#wrong(`was opened at ${this.#cursor}, not at the end`);
  }

  resumed(state: Parameters<AttachHandlers['resumed']>[0]): void {
    this.resumes += 1;
    this.#conversation.resumed(state);
  }

  event(event: SessionEvent): void {
    if (EPHEMERAL.has(event.type)) {
      if (event.type === 'delta') this.deltas += 1;
      if (event.seq !== this.#cursor) this.#wrong(`heard a ${event.type} of ${event.seq} at ${this.#cursor}`);
    } else {
      this.#keep(event);
    }
    this.#conversation.event(event);
  }

  ended(reason: string): void {
    this.#wrong(`was told that the stream has ended: ${reason}`);
  }

  #keep(event: SessionEvent): void {
    if (event.seq !== this.#cursor + 1) this.#wrong(`got ${event.type} ${event.seq} after ${this.#cursor}`);
    this.#cursor = event.seq;
    this.events.push(event as DurableEvent);
    if (event.type === 'turn' && OVER.has(event.data.state)) {
      if (this.ends.has(event.turn)) this.#wrong(`saw turn ${event.turn} end twice`);
      this.ends.set(event.turn, event.data);
    }
    if (event.type === 'cutoff') this.cutoffs.push(event);
  }

  #show(change: Change): void {
    if (change.kind === 'text' && change.channel === 'text') {
      const key = `${change.turn}.${change.step}`;
      const before = change.afresh ? '' : (this.#shown.get(key) ?? '');
      if (before.length !== change.offset) this.#wrong(`has ${before.length} characters, got some at ${change.offset}`);
      this.#shown.set(key, before + change.text);
    }
    if (change.kind === 'message' && change.message.role === 'assistant') {
      const { turn, parts } = change.message;
      const steps = [...this.#shown].filter(([key]) => key.startsWith(`${turn}.`));
      if (!steps.some(([, text]) => text === textOf(parts))) this.#wrong(`has another reply on screen in turn ${turn}`);
    }
  }

  #wrong(what: string): void {
    this.problems.push(`${this.#name} ${what}`);
  }
}
