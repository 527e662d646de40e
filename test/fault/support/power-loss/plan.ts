/** A conversation with the vault, written down beforehand together with what each call must leave behind. */
import { ulid } from 'ulid';
import type { NewEntry, VaultPort } from '../../../../daemon/services/ports.ts';
import { messageEntry, turnEntry } from '../../../support/direct-vault.ts';
import type { Chance } from '../seeded.ts';

/** Things that can be looked up in a store, with how they look; what is not there is not in it. */
export type Sight = Record<string, string>;

export interface PlannedCall {
  readonly number: number;
  readonly method: keyof VaultPort;
  readonly args: readonly unknown[];
  /** What it changes, and how that looks then; null for what is gone. */
  readonly changes: Readonly<Record<string, string | null>>;
}

/** Calls of one step are made at the same moment. */
export interface Plan {
  readonly steps: readonly (readonly PlannedCall[])[];
}

interface PlannedSession {
  readonly id: string;
  readonly log: NewEntry[];
  title: string;
  turns: number;
  pinned: boolean;
  queue: { opId: string; turn: number; body: string; cancelled: boolean }[];
  drafts: string;
}

const MODEL = 'demo/offline';

export class Planner {
  readonly #chance: Chance;
  readonly #steps: PlannedCall[][] = [];
  /** Newest first. */
  #typed: { readonly line: string; readonly owner: string | null }[] = [];
  #together: PlannedCall[] | undefined;
  #calls = 0;
  #words = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  get plan(): Plan {
    return { steps: this.#steps };
  }

  /** Calls that are planned by `work` are made at the same moment. */
  together(work: () => void): void {
    const step: PlannedCall[] = [];
    this.#together = step;
    work();
    this.#together = undefined;
    this.#steps.push(step);
  }

  open(): void {
    this.#call('open', [{ provider: 'keyfile' }], {});
  }

  close(): void {
    this.#call('close', [], {});
  }

  create(): PlannedSession {
    const session = { id: ulid(), log: [], title: this.#text(20), turns: 1, pinned: false, queue: [], drafts: '' };
    const entries = this.#turn(1);
    const create = { workspace: `/w${this.#chance.between(1, 3)}`, model: MODEL, title: session.title };
    this.#append(session, entries, { patch: { turns: 1 }, create, fingerprint: session.title });
    return session;
  }

  /** In the order of the turns, as the daemon does it: what waits comes first. */
  turn(session: PlannedSession, length?: number): void {
    while (session.queue.length > 0) this.takeFirst(session);
    session.turns += 1;
    session.drafts = '';
    this.#append(session, this.#turn(session.turns, length), { patch: { turns: session.turns }, dropDrafts: true });
  }

  rename(session: PlannedSession): void {
    session.title = this.#text(30);
    const body = JSON.stringify({ title: session.title, automatic: false });
    const entry: NewEntry = { type: 'title', turn: session.turns, at: Date.now(), body, isMessage: false };
    this.#append(session, [entry], { patch: { title: session.title }, fingerprint: session.title });
  }

  pin(session: PlannedSession): void {
    session.pinned = !session.pinned;
    this.#call('setFlag', [ulid(), session.id, 'pinned', session.pinned], this.#looksLike(session));
  }

  draft(session: PlannedSession, chunk: number): void {
    const text = this.#text(50);
    session.drafts += text;
    const draft = { turn: session.turns, step: 1, chunk, text, reasoning: '' };
    this.#call('appendDraft', [session.id, draft], this.#looksLike(session));
  }

  enqueue(session: PlannedSession): void {
    session.turns += 1;
    const prompt = { opId: ulid(), body: JSON.stringify({ parts: [{ type: 'text', text: this.#text(80) }] }) };
    session.queue.push({ ...prompt, turn: session.turns, cancelled: false });
    const request = { ...prompt, sessionId: session.id, at: Date.now(), fingerprint: prompt.body };
    this.#call('enqueue', [request], this.#looksLike(session));
  }

  cancelLast(session: PlannedSession): void {
    const prompt = session.queue.at(-1);
    if (prompt === undefined) throw new Error('nothing waits');
    prompt.cancelled = true;
    this.#call('cancelQueued', [session.id, prompt.turn], this.#looksLike(session));
  }

  takeFirst(session: PlannedSession): void {
    const prompt = session.queue.shift();
    if (prompt === undefined) throw new Error('nothing waits');
    const extra = { patch: {}, fromQueue: prompt.turn, opId: prompt.opId };
    this.#append(session, this.#turn(prompt.turn), extra);
  }

  /** @param turn the last one that is shared. */
  fork(source: PlannedSession, turn: number): PlannedSession {
    const shared = source.log.filter((entry) => entry.turn <= turn);
    const title = this.#text(20);
    const fork = { id: ulid(), log: [...shared], title, turns: turn, pinned: false, queue: [], drafts: '' };
    const parent = { sessionId: source.id, turn };
    const origin: NewEntry = { type: 'origin', turn, at: 9, body: JSON.stringify(parent), isMessage: false };
    fork.log.push(origin);
    const request = {
      opId: ulid(),
      source: { sessionId: source.id },
      seq: shared.length,
      messages: shared.filter((entry) => entry.isMessage).length,
      newId: fork.id,
      parent,
      turns: turn,
      title,
      model: MODEL,
      entries: [origin],
      patch: {},
      fingerprint: title,
    };
    this.#call('fork', [request], this.#looksLike(fork));
    return fork;
  }

  /** @returns the save's id. */
  save(session: PlannedSession): string {
    const id = `2025-07-04_12-30_${this.#calls}`;
    const { length } = session.log;
    const messages = session.log.filter((entry) => entry.isMessage).length;
    const request = { opId: ulid(), sessionId: session.id, wantedId: id, seq: length, turn: session.turns, messages };
    this.#call('createSave', [{ ...request, model: MODEL, fingerprint: id, at: 1 }], {
      [`save ${id}`]: digest(session.log.filter((entry) => entry.isMessage)),
    });
    return id;
  }

  deleteSave(id: string): void {
    this.#call('deleteSave', [ulid(), id], { [`save ${id}`]: null });
  }

  /** @param saves those that go with it. */
  delete(session: PlannedSession, saves: readonly string[] = []): void {
    const gone = Object.fromEntries(['log', 'head', 'queue', 'drafts'].map((what) => [`${what} ${session.id}`, null]));
    const args = [ulid(), session.id, saves.length > 0 ? 'delete' : 'keep'];
    this.#typed = this.#typed.filter(({ owner }) => owner !== null && owner !== session.id);
    this.#call('deleteSession', args, {
      ...gone,
      ...Object.fromEntries(saves.map((id) => [`save ${id}`, null])),
      ...this.#history(),
    });
  }

  secret(name: string, value: string | null): void {
    this.#call('setSecret', [name, value], { [`secret ${name}`]: value });
  }

  /** @param session the one that the line is typed in. */
  remember(session?: PlannedSession): void {
    const line = this.#text(30);
    const owner = session?.id ?? null;
    this.#typed.unshift({ line, owner });
    this.#call('addHistory', [line, owner], this.#history());
  }

  #history(): Record<string, string | null> {
    const lines = this.#typed.map(({ line }) => line);
    return { history: lines.length === 0 ? null : JSON.stringify(lines) };
  }

  #append(session: PlannedSession, entries: readonly NewEntry[], extra: object): void {
    session.log.push(...entries);
    this.#call('append', [{ opId: ulid(), sessionId: session.id, entries, ...extra }], this.#looksLike(session));
  }

  #turn(turn: number, length = this.#chance.pick([10, 100, 400, 400, 3_000, 9_000])): NewEntry[] {
    return [
      messageEntry(turn, 'user', this.#text(40)),
      turnEntry(turn, 'running'),
      messageEntry(turn, 'assistant', this.#text(length)),
      turnEntry(turn, 'completed'),
    ];
  }

  /** Text that occurs once. */
  #text(length: number): string {
    this.#words += 1;
    return `${this.#words} `.padEnd(length, 'lorem ipsum ');
  }

  #looksLike(session: PlannedSession): Record<string, string | null> {
    return {
      [`log ${session.id}`]: digest(session.log),
      [`head ${session.id}`]: headText(session),
      [`queue ${session.id}`]: session.queue.length === 0 ? null : JSON.stringify(session.queue),
      [`drafts ${session.id}`]: session.drafts === '' ? null : session.drafts,
    };
  }

  #call(method: keyof VaultPort, args: readonly unknown[], changes: PlannedCall['changes']): void {
    const call = { number: this.#calls, method, args, changes };
    this.#calls += 1;
    if (this.#together === undefined) this.#steps.push([call]);
    else this.#together.push(call);
  }
}

/** What entries say, in order. */
export function digest(entries: readonly { readonly turn: number; readonly body: string }[]): string {
  return entries.map(({ turn, body }) => `${turn}:${body}`).join('\n');
}

export function headText(head: { readonly title: string; readonly turns: number; readonly pinned: boolean }): string {
  return JSON.stringify([head.title, head.turns, head.pinned]);
}
