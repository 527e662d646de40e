/** Clients at work: each writes what it was promised into a book, so that afterwards the store can be held to it. */
import type { Client } from '../../../client/connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../../protocol/methods.ts';
import type { Chance } from './seeded.ts';
import { promptFor } from './demo-prompts.ts';

export interface PromisedPrompt {
  readonly by: string;
  readonly sessionId: string;
  readonly turn: number;
  readonly text: string;
}

/** Everything that the daemon has acknowledged. */
export class Promises {
  readonly prompts: PromisedPrompt[] = [];
  /** Titles in the order in which they were given, all to one session. */
  readonly titles: string[] = [];
  readonly saves: { id: string; name: string; sessionId: string; messages: number }[] = [];
  readonly forks: { id: string; parent: string; turn: number }[] = [];
  readonly deleted: string[] = [];
  readonly lines: string[] = [];
  /** Lines whose answer was lost: there once or not at all. */
  readonly doubtfulLines: string[] = [];
  pinned: boolean | undefined;
  /** Calls that were refused although nothing was wrong with them. */
  readonly refused: string[] = [];
  acknowledged = 0;
}

/** One client that does one kind of thing after the other. */
export class Worker {
  readonly name: string;
  readonly client: Client;
  readonly #promises: Promises;
  readonly #chance: Chance;
  #count = 0;

  constructor(name: string, client: Client, promises: Promises, chance: Chance) {
    this.name = name;
    this.client = client;
    this.#promises = promises;
    this.#chance = chance;
  }

  /** A prompt into a session. */
  async prompt(sessionId: string): Promise<void> {
    // Most are short, some long enough for drafts.
    const streamMs = this.#chance.pick([20, 40, 80, 200, 400, 400, 1_500]);
    await this.#submit({ kind: 'session', sessionId }, promptFor(streamMs));
  }

  /** A session that begins with a prompt. @returns its id. */
  async begin(workspace: string): Promise<string | undefined> {
    return this.#submit({ kind: 'new', workspace }, promptFor(this.#chance.between(5, 100)));
  }

  async rename(sessionId: string): Promise<void> {
    const title = this.#fresh('title');
    const done = await this.#call('session/rename', { opId: this.client.newOpId(), sessionId, title });
    if (done !== undefined) this.#promises.titles.push(title);
  }

  async pin(sessionId: string): Promise<void> {
    const value = this.#chance.percent(50);
    const done = await this.#call('session/pin', { opId: this.client.newOpId(), sessionId, value });
    if (done !== undefined) this.#promises.pinned = value;
  }

  async save(sessionId: string): Promise<void> {
    const name = this.#fresh('save');
    const done = await this.#call('save/create', { opId: this.client.newOpId(), sessionId, name });
    if (done === undefined) return;
    const { id, messages } = done.save;
    this.#promises.saves.push({ id, name, sessionId, messages });
  }

  /** Forks a session after its first turn; the fork may go on, or be deleted again. */
  async fork(parent: string): Promise<void> {
    const turn = 1;
    const done = await this.#call('session/fork', { opId: this.client.newOpId(), sessionId: parent, turn });
    if (done === undefined) return;
    const { id } = done.session;
    this.#promises.forks.push({ id, parent, turn });
    if (this.#chance.percent(30)) await this.#submit({ kind: 'session', sessionId: id }, promptFor(30));
    else if (this.#chance.percent(40)) await this.#delete(id);
  }

  async remember(sessionId: string): Promise<void> {
    const line = this.#fresh('line');
    try {
      await this.client.call('history/add', { line, sessionId });
      this.#promises.acknowledged += 1;
      this.#promises.lines.push(line);
    } catch (error) {
      // The one method that is not sent again when its answer is lost.
      if (error instanceof ProtocolError && error.kind === 'DAEMON_UNAVAILABLE')
        this.#promises.doubtfulLines.push(line);
      else this.#refused('history/add', error);
    }
  }

  /** So many things, one after the other, chosen by chance. */
  async work(times: number, ways: readonly [() => Promise<unknown>, ...(() => Promise<unknown>)[]]): Promise<void> {
    for (let index = 0; index < times; index += 1) await this.#chance.pick(ways)();
  }

  async #delete(sessionId: string): Promise<void> {
    const params = { opId: this.client.newOpId(), sessionId, saves: 'delete' as const };
    if ((await this.#call('session/delete', params)) !== undefined) this.#promises.deleted.push(sessionId);
  }

  async #submit(target: ParamsOf<'turn/submit'>['target'], text: string): Promise<string | undefined> {
    const prompt = [{ type: 'text' as const, text }];
    const done = await this.#call('turn/submit', { opId: this.client.newOpId(), target, prompt });
    if (done === undefined) return undefined;
    this.#promises.prompts.push({ by: this.name, sessionId: done.sessionId, turn: done.turn, text });
    return done.sessionId;
  }

  async #call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M> | undefined> {
    try {
      const result = await this.client.call(method, params);
      this.#promises.acknowledged += 1;
      return result;
    } catch (error) {
      this.#refused(method, error);
      return undefined;
    }
  }

  #refused(method: string, error: unknown): void {
    const reason = error instanceof ProtocolError ? `${error.kind}: ${error.message}` : String(error);
    this.#promises.refused.push(`${method} was refused to ${this.name}: ${reason}`);
  }

  #fresh(what: string): string {
    this.#count += 1;
    return `${what}-${this.name}-${this.#count}`;
  }
}
