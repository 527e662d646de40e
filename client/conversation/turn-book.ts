/** What is known of the turns of a session: which one runs, which ones wait, and how each ended. */
import type { AttachHandlers } from '../connection/api.ts';
import type { SessionEvent } from '../../protocol/event.ts';
import type { TurnChange, TurnState } from '../../protocol/turn.ts';
import { textOf } from './reply-text.ts';

type Snapshot = Parameters<AttachHandlers['opened']>[0];

export interface TurnView {
  readonly turn: number;
  readonly state: TurnState;
  /** The latest change; undefined until one was seen. */
  readonly change: TurnChange | undefined;
  /** Undefined when the turn began before this frontend joined. */
  readonly prompt: string | undefined;
  /** Whether this frontend gave the prompt. */
  readonly mine: boolean;
}

const OVER: ReadonlySet<TurnState> = new Set(['completed', 'failed', 'cancelled', 'interrupted']);

/** Whether nothing more follows in a turn. */
export function isOver(state: TurnState): boolean {
  return OVER.has(state);
}

interface Waiter {
  readonly turn: number;
  resolve(change: TurnChange): void;
  reject(reason: Error): void;
}

export class TurnBook {
  readonly #turns = new Map<number, TurnView>();
  readonly #mine = new Set<number>();
  /** How many ends were seen before that of each turn, and in all. */
  readonly #endings = new Map<number, number>();
  #ends = 0;
  /** This frontend is having a turn go on. */
  #revives = false;
  #waiters: Waiter[] = [];

  /** The turn that is being worked on: running, or waiting for something. */
  get active(): TurnView | undefined {
    return this.#find((view) => view.state === 'running' || view.state === 'waiting');
  }

  /** Turns that wait for their place, in order. */
  get queued(): TurnView[] {
    return [...this.#turns.values()].filter((view) => view.state === 'queued').sort((a, b) => a.turn - b.turn);
  }

  /** Whether anything of this session is under way. */
  get busy(): boolean {
    return this.active !== undefined || this.queued.length > 0;
  }

  get(turn: number): TurnView | undefined {
    return this.#turns.get(turn);
  }

  /**
   * Starts over from what an attach answered.
   * @param past those of its events that are not news; the state of later turns comes with the news.
   */
  begin(snapshot: Snapshot, past: readonly SessionEvent[]): void {
    this.#turns.clear();
    for (const event of past) if (event.type === 'turn') this.change(event.turn, event.data);
    for (const waiting of snapshot.queue) this.prompt(waiting.turn, textOf(waiting.parts), 'queued');
    if (past.length < snapshot.events.length) return;
    const { status, turns } = snapshot.session;
    const underWay = status === 'running' || status === 'waiting';
    const turn = snapshot.live?.turn ?? (underWay && this.active === undefined ? turns - snapshot.queue.length : 0);
    if (turn > 0 && this.active?.turn !== turn) this.change(turn, { state: status === 'waiting' ? status : 'running' });
  }

  /** A prompt was seen: waiting for its turn, or as the beginning of it. */
  prompt(turn: number, prompt: string, state: 'queued' | 'running'): TurnView {
    const known = this.#turns.get(turn);
    const view = { turn, state, change: known?.change, prompt, mine: this.#mine.has(turn) };
    this.#turns.set(turn, view);
    return view;
  }

  /** A turn is this frontend's: it gave the prompt. */
  own(turn: number): void {
    this.#mine.add(turn);
    const known = this.#turns.get(turn);
    if (known !== undefined) this.#turns.set(turn, { ...known, mine: true });
  }

  /**
   * This frontend is having a turn go on: it is its own from then on.
   * @returns a function that takes it back when nothing goes on.
   */
  expectRevival(): () => void {
    this.#revives = true;
    return () => {
      this.#revives = false;
    };
  }

  change(turn: number, change: TurnChange): TurnView {
    const known = this.#turns.get(turn);
    if (this.#revives && change.state === 'running' && (known === undefined || isOver(known.state))) {
      this.#revives = false;
      this.#mine.add(turn);
    }
    const view = { turn, state: change.state, change, prompt: known?.prompt, mine: this.#mine.has(turn) };
    // Prompts of finished turns are not needed again and may be long.
    this.#turns.set(turn, isOver(change.state) ? { ...view, prompt: undefined } : view);
    if (isOver(change.state)) {
      this.#endings.set(turn, this.#ends);
      this.#ends += 1;
      this.#settle(turn, (waiter) => waiter.resolve(change));
    }
    return view;
  }

  /** How many ends of turns were seen so far. */
  get ends(): number {
    return this.#ends;
  }

  /**
   * Resolves with the change that ended a turn.
   * Rejects when the stream ends for good before that.
   * @param since `ends` from before a person had the turn go on: an end from before that is none.
   */
  async whenOver(turn: number, since = 0): Promise<TurnChange> {
    const known = this.#turns.get(turn);
    const isNew = (this.#endings.get(turn) ?? 0) >= since;
    if (known?.change !== undefined && isOver(known.state) && isNew) return known.change;
    return new Promise((resolve, reject) => this.#waiters.push({ turn, resolve, reject }));
  }

  /** Nothing more will be heard. */
  abandon(reason: Error): void {
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters = [];
  }

  #settle(turn: number, act: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) if (waiter.turn === turn) act(waiter);
    this.#waiters = this.#waiters.filter((waiter) => waiter.turn !== turn);
  }

  #find(matches: (view: TurnView) => boolean): TurnView | undefined {
    for (const view of this.#turns.values()) if (matches(view)) return view;
    return undefined;
  }
}
