/** Turns, edits of a person, restores, undos and forks by chance: what only the person wrote never goes without a question. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ParamsOf } from '../../../../protocol/methods.ts';
import { newStopFlag } from '../../../../daemon/workspace/engine/stop-flag.ts';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import type { Chance } from '../../../fault/support/seeded.ts';
import { ALICE, Workbench } from './support/workbench.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
type Text = string | undefined;
type RestoreTarget = ParamsOf<'restore/plan'>['target'];

/** A file as it was for a while. */
interface Stay {
  readonly text: Text;
  /** When the person wrote it; undefined when it is the session's. */
  readonly writtenAt: number | undefined;
  readonly since: number;
  readonly putBy: Who;
  endedBy?: Who;
}
type Who = 'person' | 'session' | 'restore';

interface Point {
  readonly target: RestoreTarget;
  readonly session: string;
  readonly at: number;
  readonly texts: ReadonlyMap<string, Text>;
}

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench(false);
});
afterEach(() => {
  bench.close();
});

class Story {
  readonly points: Point[] = [];
  readonly log: string[] = [];
  readonly #random: Chance;
  readonly #stays = new Map<string, Stay[]>();
  readonly #sessionWrote = new Set<string>();
  #now = 0;
  #session = ALICE;
  #sessions = 0;
  #turn = 0;
  #isFork = false;

  constructor(random: Chance) {
    this.#random = random;
    for (const name of NAMES) this.#stays.set(name, [{ text: undefined, writtenAt: 0, since: 0, putBy: 'person' }]);
  }

  person(): void {
    this.#some((name) => put(name, this.#text(name, 'mine')));
    this.#note('person');
  }

  /** @param goesOn the newest one does, as with `/retry`. */
  turn(goesOn: boolean): void {
    if (!goesOn || this.#turn === 0) this.#turn += 1;
    const turn = { sessionId: this.#session, turn: this.#turn };
    const isNew = this.#pointOf('pre') === undefined;
    bench.pre(turn.sessionId, turn.turn);
    if (isNew) this.#point({ kind: 'turn', turn: turn.turn, phase: 'pre' });
    for (let call = this.#random.between(0, 3); call > 0; call -= 1) {
      if (this.#random.percent(20)) this.person();
      const [name, text] = [this.#random.pick(NAMES), `session ${this.#now}`];
      if (this.#random.percent(40)) bench.edit(turn, name, this.#wrote(name, text));
      else bench.command(turn, () => this.#some((each) => put(each, this.#wrote(each, this.#text(each, 'session')))));
      this.#note('session');
      if (this.#random.percent(10)) bench.crash();
    }
    bench.end(turn);
    const earlier = this.#pointOf('post');
    if (earlier !== undefined) this.points.splice(this.points.indexOf(earlier), 1);
    this.#point({ kind: 'turn', turn: turn.turn, phase: 'post' });
  }

  take(): void {
    const point = { kind: 'taken', id: `T${this.#now}` } as const;
    bench.workspace.take({ sessionId: undefined, point }, newStopFlag());
    this.#point(point);
  }

  fork(): void {
    this.#sessions += 1;
    const to = `01J000000000000000000001${String(this.#sessions).padStart(2, '0')}`;
    const upTo = this.#random.between(Math.max(0, this.#turn - 2), this.#turn);
    bench.workspace.copySession(this.#session, to, upTo);
    const shared = this.points.flatMap((point) => {
      const isShared = point.session === this.#session && (point.target.kind !== 'turn' || point.target.turn <= upTo);
      return isShared ? [{ ...point, session: to }] : [];
    });
    this.log.push(`fork of ${this.#session} at ${upTo}: ${to}`);
    this.points.push(...shared);
    this.#session = to;
    this.#turn = upTo;
    this.#isFork = true;
  }

  async restore(all: boolean): Promise<void> {
    const points = this.points.filter(({ session }) => session === this.#session);
    const [first, ...others] = points;
    if (first === undefined) return;
    const point = this.#random.pick([first, ...others]);
    const before = this.#current();
    await this.#apply(point.target, all);
    this.#note('restore');
    if (all) return;
    for (const name of NAMES) {
      const stay = before.get(name)!;
      const isMine = stay.writtenAt !== undefined && !this.#sessionWrote.has(`${name} ${stay.text}`);
      const went = stay.text !== textOf(name);
      if (isMine && stay.writtenAt >= point.at && went) this.#fail(`${name} was mine, and went`);
      const since = this.#stays.get(name)!.filter((_, index, list) => (list[index + 1]?.since ?? Infinity) > point.at);
      const isSessions = since.slice(1).every(({ writtenAt, putBy }) => writtenAt === undefined && putBy !== 'person');
      const isCertain = !this.#isFork && point.target.kind === 'turn';
      if (isCertain && isSessions && textOf(name) !== point.texts.get(name))
        this.#fail(`${name} was the session’s, and stayed`);
    }
  }

  async undo(all: boolean): Promise<void> {
    const before = this.#current();
    try {
      await this.#apply({ kind: 'undo' }, all);
    } catch (error) {
      if (error instanceof Error && error.message.includes('has restored nothing')) return;
      throw error;
    }
    this.#note('restore');
    for (const name of all ? [] : NAMES) {
      const stay = before.get(name)!;
      if (!this.#wasPut(name, stay.text) && stay.text !== textOf(name))
        this.#fail(`${name} was mine, and an undo took it`);
    }
  }

  async #apply(target: RestoreTarget, all: boolean): Promise<void> {
    this.log.push(`${JSON.stringify(target)}${all ? ' all' : ''}`);
    const params = { sessionId: this.#session, target, all };
    const { planId } = await bench.workspace.plan({ params, newestTurn: this.#turn }, newStopFlag());
    await bench.workspace.apply(this.#session, planId);
  }

  #fail(what: string): never {
    throw new Error(`${what}:\n${this.log.join('\n')}`);
  }

  /** By a restore or a turn: whoever writes the same bytes again leaves things as those had. */
  #wasPut(name: string, wanted: Text): boolean {
    return this.#stays.get(name)!.some(({ text, putBy }) => text === wanted && putBy !== 'person');
  }

  #some(act: (name: string) => void): void {
    for (const name of NAMES) if (this.#random.percent(40)) act(name);
  }

  #wrote<T extends Text>(name: string, text: T): T {
    this.#sessionWrote.add(`${name} ${text}`);
    return text;
  }

  /** New, none, or one of those that were there before. */
  #text(name: string, who: string): Text {
    const old = this.#stays.get(name)!.map(({ text }) => text);
    return this.#random.percent(60) ? this.#random.pick([old[0], ...old]) : `${who} ${this.#now}`;
  }

  /** Of the newest turn. */
  #pointOf(phase: 'pre' | 'post'): Point | undefined {
    return this.points.find(
      ({ target, session }) =>
        session === this.#session && target.kind === 'turn' && target.turn === this.#turn && target.phase === phase,
    );
  }

  #current(): Map<string, Stay> {
    return new Map(NAMES.map((name) => [name, this.#stays.get(name)!.at(-1)!]));
  }

  #point(target: RestoreTarget): void {
    this.#now += 1;
    const texts = new Map(NAMES.map((name) => [name, textOf(name)]));
    this.log.push(`point ${JSON.stringify(target)}`);
    this.points.push({ target, session: this.#session, at: this.#now, texts });
  }

  #note(who: Who): void {
    this.#now += 1;
    for (const name of NAMES) {
      const stays = this.#stays.get(name)!;
      const [last, text] = [stays.at(-1)!, textOf(name)];
      if (last.text === text) continue;
      this.log.push(`${who}: ${name} = ${text}`);
      last.endedBy = who;
      // What a restore brings back belongs to whom it belonged when it was replaced.
      const again = stays.findLast((stay) => stay.text === text && stay.endedBy !== 'person');
      const freshAt = this.#wasPut(name, text) ? undefined : this.#now;
      const writtenAt = who === 'person' ? freshAt : who === 'restore' ? again?.writtenAt : undefined;
      if (who === 'restore' && writtenAt === undefined) this.#wrote(name, text);
      stays.push({ text, writtenAt, since: this.#now, putBy: who });
    }
  }
}

function put(name: string, text: Text): void {
  if (text !== undefined) bench.write(name, text);
  else if (bench.text(name) !== undefined) bench.remove(name);
}

function textOf(name: string): Text {
  return bench.text(name);
}

test('what only a person wrote since goes by no restore, and what only a session did goes by each', async () => {
  const random = chance();
  for (let round = 0; round < Math.ceil(faultLoops() / 3); round += 1) {
    bench.close();
    bench = new Workbench(false);
    const story = new Story(random);
    const forks = random.percent(40);
    for (let step = 0; step < 18; step += 1) {
      const act = random.between(0, 99);
      if (act < 25) story.person();
      else if (act < 55) story.turn(random.percent(25));
      else if (act < 60) story.take();
      else if (act < 65 && forks) story.fork();
      else if (act < 88) await story.restore(random.percent(30));
      else await story.undo(random.percent(30));
    }
  }
  expect(bench.files()).toBeDefined();
}, 600_000);
