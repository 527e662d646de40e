/** What one frontend knows of one session it is attached to: events go in, what is new to show comes out. */
import type { AttachHandlers, PendingApproval } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurableEventType, EventData, EventOf, SessionEvent } from '../../protocol/event.ts';
import type { Message } from '../../protocol/message.ts';
import type { Session } from '../../protocol/session.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import { CallBook } from './call-book.ts';
import type { Change } from './change.ts';
import { isEphemeral, type Ephemeral } from './ephemeral.ts';
import { ReplyText, textOf } from './reply-text.ts';
import { TurnBook, isOver } from './turn-book.ts';

type Resumed = Parameters<AttachHandlers['resumed']>[0];
type Durable = EventOf<DurableEventType>;

/** How a frontend joins. */
export interface Joining {
  /** The turn of this frontend that made it join: its prompt and what follows is news, not past. */
  readonly ownTurn?: number;
}

/**
 * The handlers of one attachment and the state they build. It never prints and never calls the daemon.
 *
 * Every character of a reply is given once, whatever is repeated or was missed in between: deltas say where they begin,
 * and the durable message completes what never came.
 */
export class Conversation implements AttachHandlers {
  readonly turns = new TurnBook();
  readonly #tell: (change: Change) => void;
  readonly #ownTurn: number | undefined;
  readonly #reply: ReplyText;
  /** Text of prompts that this frontend has sent and not seen yet. */
  readonly #expected: string[] = [];
  readonly #calls = new CallBook();
  #chosenModel: string | undefined;
  #session: Session | undefined;
  #unsaved: string | null = null;
  #capture: EventData<'capture'> | undefined;
  #lastSeq = 0;
  /** Live text and queue after a reconnect: they belong to a position that the missed events have yet to reach. */
  #pending: Resumed | undefined;
  #over: string | undefined;

  constructor(tell: (change: Change) => void, joining: Joining = {}) {
    this.#tell = tell;
    this.#ownTurn = joining.ownTurn;
    if (joining.ownTurn !== undefined) this.turns.own(joining.ownTurn);
    this.#reply = new ReplyText((piece) => {
      tell({ kind: 'text', ...piece });
    });
  }

  /** Title, model and flags as of the last event; counts and sums as of joining. Undefined until attached. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Calls that a person is asked about now, in the order in which they were asked. */
  get approvals(): PendingApproval[] {
    return this.#calls.asked;
  }

  /** Why something on screen is not durable; null when everything is. */
  get unsaved(): string | null {
    return this.#unsaved;
  }

  /** How far the files are captured that a turn is long at; undefined while none is. */
  get capture(): EventData<'capture'> | undefined {
    return this.#capture;
  }

  /** Why the stream has ended for good; undefined while it goes on. */
  get over(): string | undefined {
    return this.#over;
  }

  /**
   * Says that this frontend is sending a prompt, so that it is recognised when it comes back as an event.
   * @returns a function that takes it back when it was not accepted.
   */
  expectPrompt(text: string): () => void {
    this.#expected.push(text);
    return () => {
      this.#takeExpected(text);
    };
  }

  /** Says that this frontend is choosing a model, for the same reason. */
  expectModel(model: string): void {
    this.#chosenModel = model;
  }

  /** Says which turn became of a prompt of this frontend. */
  own(turn: number): void {
    this.turns.own(turn);
  }

  opened(snapshot: Parameters<AttachHandlers['opened']>[0]): void {
    const again = this.#session !== undefined;
    const { session, events } = snapshot;
    const firstNews = again ? -1 : events.findIndex((event) => event.turn === this.#ownTurn);
    const past = firstNews === -1 ? events : events.slice(0, firstNews);
    this.#session = session;
    this.#reply.clear();
    this.#pending = undefined;
    this.#capture = undefined;
    this.#lastSeq = past.at(-1)?.seq ?? 0;
    this.turns.begin(snapshot, past);
    this.#calls.begin(snapshot.approvals, past);
    this.#tell({ kind: 'opened', session, past, again });
    for (const event of events.slice(past.length)) this.event(event);
    if (snapshot.live !== null) this.#reply.adopt(snapshot.live);
    this.#setUnsaved(snapshot.unsaved);
  }

  resumed(state: Resumed): void {
    this.#setUnsaved(state.unsaved);
    this.#pending = state;
    this.#capture = undefined;
    this.#adoptPending(false);
  }

  event(event: SessionEvent): void {
    if (isEphemeral(event)) {
      this.#ephemeral(event);
      return;
    }
    this.#durable(event);
    this.#lastSeq = event.seq;
    this.#adoptPending(false);
  }

  ended(reason: string): void {
    this.#end(reason, false);
  }

  #end(reason: string, deleted: boolean): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.turns.abandon(new ProtocolError(deleted ? 'NOT_FOUND' : 'DAEMON_UNAVAILABLE', reason));
    this.#tell({ kind: 'ended', reason, deleted });
  }

  #ephemeral(event: Ephemeral): void {
    switch (event.type) {
      case 'delta':
        this.#adoptPending(true);
        this.#reply.delta(event.turn, event.data);
        break;
      case 'queue':
        this.#queue(event);
        break;
      case 'storage':
        this.#setUnsaved(event.data.state === 'unsaved' ? event.data.reason : null);
        break;
      case 'presence':
        this.#update({ attached: event.data.attached });
        this.#tell({ kind: 'presence', attached: event.data.attached });
        break;
      case 'session':
        this.#update(event.data);
        this.#tell({ kind: 'flags', ...event.data });
        break;
      case 'output':
        this.#output(event);
        break;
      case 'capture':
        this.#capture = event.data.state === 'running' ? event.data : undefined;
        this.#tell({ kind: 'capture', turn: event.turn, capture: event.data });
        break;
      case 'deleted':
        this.#end('the session was deleted', true);
    }
  }

  #durable(event: Durable): void {
    switch (event.type) {
      case 'message':
        this.#message({ seq: event.seq, turn: event.turn, at: event.at, ...event.data });
        break;
      case 'turn':
        this.#turn(event.turn, event.data);
        break;
      case 'cutoff':
        this.#reply.cutOff(event.turn, event.data.step, event.data.parts);
        this.#tell({ kind: 'cutoff', turn: event.turn, reason: event.data.reason });
        break;
      case 'settings':
        this.#settings(event.data);
        break;
      case 'title':
        this.#update({ title: event.data.title });
        this.#tell({ kind: 'title', title: event.data.title });
        break;
      case 'call':
        this.#tell({ kind: 'call', turn: event.turn, call: event.data });
        break;
      case 'approval':
        this.#calls.approval(event.turn, event.data);
        this.#tell({ kind: 'approval', turn: event.turn, change: event.data });
        break;
      case 'summary':
        this.#tell({ kind: 'summary', turn: event.turn, automatic: event.data.automatic });
        break;
      case 'retry':
        this.#tell({ kind: 'retry', turn: event.turn });
        break;
      case 'snapshot':
        this.#tell({ kind: 'snapshot', turn: event.turn, entry: event.data });
        break;
      case 'origin':
        break;
    }
  }

  #output({ turn, data: { callId, offset, text } }: EventOf<'output'>): void {
    const missed = this.#calls.output(callId, offset, text.length);
    this.#tell({ kind: 'output', turn, callId, text, missed });
  }

  #settings({ model, mode, agent }: EventData<'settings'>): void {
    this.#update({
      ...(model === undefined ? {} : { model }),
      ...(mode === undefined ? {} : { mode }),
      ...(agent === undefined ? {} : { agent }),
    });
    if (model !== undefined) {
      this.#tell({ kind: 'model', model, mine: model === this.#chosenModel });
      this.#chosenModel = undefined;
    }
    if (mode !== undefined || agent !== undefined) this.#tell({ kind: 'settings', mode, agent });
  }

  #turn(turn: number, change: TurnChange): void {
    if (change.model !== undefined) this.#update({ model: change.model });
    // A queued prompt that was cancelled says so at once, and its turn once more when its place in the order has come.
    const before = this.turns.get(turn)?.state;
    const view = this.turns.change(turn, change);
    // A turn that a person has go on is no repetition.
    if (before !== undefined && isOver(before) && isOver(change.state)) return;
    if (isOver(change.state)) this.#calls.over(turn);
    this.#tell({ kind: 'turn', turn: view, change, neverBegan: before === 'queued' && isOver(change.state) });
  }

  #queue(event: EventOf<'queue'>): void {
    const { state, ahead, parts } = event.data;
    if (state === 'cancelled') {
      this.#turn(event.turn, { state });
      return;
    }
    const text = textOf(parts);
    if (this.#takeExpected(text)) this.turns.own(event.turn);
    this.#tell({ kind: 'queued', turn: this.turns.prompt(event.turn, text, state), ahead });
  }

  #message(message: Message): void {
    if (message.role === 'user') {
      const text = textOf(message.parts);
      const known = this.turns.get(message.turn);
      if (known?.mine !== true && this.#takeExpected(text)) this.turns.own(message.turn);
      this.#tell({ kind: 'prompt', turn: this.turns.prompt(message.turn, text, 'running'), message });
      return;
    }
    if (message.role === 'assistant') this.#reply.finish(message.turn, message.parts);
    this.#tell({ kind: 'message', message });
  }

  /** @param live whether an event has come that cannot be one of the missed ones. */
  #adoptPending(live: boolean): void {
    const pending = this.#pending;
    if (pending === undefined || (!live && this.#lastSeq < pending.cursor.seq)) return;
    this.#pending = undefined;
    if (pending.live !== null) this.#reply.adopt(pending.live);
    this.#calls.add(pending.approvals);
    const waiting = new Set(pending.queue.map(({ turn }) => turn));
    for (const { turn, parts } of pending.queue) this.turns.prompt(turn, textOf(parts), 'queued');
    for (const { turn } of this.turns.queued) if (!waiting.has(turn)) this.#turn(turn, { state: 'cancelled' });
  }

  #setUnsaved(unsaved: string | null): void {
    if (unsaved === this.#unsaved) return;
    this.#unsaved = unsaved;
    this.#tell({ kind: 'storage', unsaved });
  }

  #update(facts: Partial<Session>): void {
    if (this.#session !== undefined) this.#session = { ...this.#session, ...facts };
  }

  #takeExpected(text: string): boolean {
    const index = this.#expected.indexOf(text);
    if (index === -1) return false;
    this.#expected.splice(index, 1);
    return true;
  }
}
