import { describe, expect, it } from 'vitest';
import type { TurnRef } from '../../../../daemon/services/snapshot-port.ts';
import type { MaybeFile } from '../../../../daemon/workspace/diff/file-state.ts';
import type { FileDifference } from '../../../../daemon/workspace/diff/tree-diff.ts';
import { OpenCalls } from '../../../../daemon/workspace/engine/open-calls.ts';
import type { ObjectId } from '../../../../daemon/workspace/objects/object.ts';
import { REGULAR } from '../../../../daemon/workspace/objects/tree-format.ts';
import type { SessionChange } from '../../../../daemon/workspace/restore/attribution.ts';
import { chance, faultLoops } from '../../../fault/support/chance.ts';
import type { Chance } from '../../../fault/support/seeded.ts';

const PATHS = ['a', 'b', 'c', 'd'];
const SESSIONS = ['A', 'B', 'C'];

interface Running {
  readonly turn: TurnRef;
  readonly callId: string;
  readonly paths: readonly string[];
  readonly isCommand: boolean;
}

/** Files whose every content tells who wrote it, and what each session was told to have changed. */
class Model {
  readonly changes = new Map<string, SessionChange[]>(SESSIONS.map((session) => [session, []]));
  readonly writers = new Map<string, string>();
  readonly #files = new Map<string, string>();
  readonly #trees = new Map<ObjectId, ReadonlyMap<string, string>>();
  readonly #open = new OpenCalls((before, after) => this.#diff(before, after));
  readonly #running: Running[] = [];
  #last = 0;

  begin(session: string, isCommand: boolean, paths: readonly string[]): void {
    const turn = { sessionId: session, turn: 1 };
    const callId = this.#next('call');
    if (!isCommand) this.#open.beginFiles(turn, callId, new Map(paths.map((path) => [path, this.state(path)])));
    else if (!this.#open.joinCommand(turn, callId)) this.#open.beginCommand(turn, callId, this.#tree());
    this.#running.push({ turn, callId, paths, isCommand });
  }

  /** Some running call writes one of its paths. */
  write(random: Chance): void {
    const call = pick(this.#running, random);
    if (call === undefined) return;
    const path = pick(call.paths, random) ?? 'a';
    // What a file tool has in hand is its own: nobody could tell a command's change from it.
    if (call.isCommand && this.#running.some(({ isCommand, paths }) => !isCommand && paths.includes(path))) return;
    const content = this.#next(call.turn.sessionId);
    this.writers.set(content, call.turn.sessionId);
    this.#files.set(path, content);
  }

  end(random: Chance): void {
    const running = pick(this.#running, random);
    if (running === undefined) return;
    this.#running.splice(this.#running.indexOf(running), 1);
    const { turn, callId } = running;
    const call = this.#open.get(turn, callId);
    if (call === undefined) throw new Error('a call is lost');
    const found =
      call.kind === 'command'
        ? this.#open.endCommand(call, callId, this.#tree())
        : this.#open.endFiles(call, callId, new Map([...call.before.keys()].map((path) => [path, this.state(path)])));
    this.changes.get(turn.sessionId)?.push(...found);
  }

  endAll(random: Chance): void {
    while (this.#running.length > 0) this.end(random);
    expect(this.#open.size).toBe(0);
  }

  state(path: string): MaybeFile {
    const content = this.#files.get(path);
    return content === undefined ? undefined : { mode: REGULAR, id: content };
  }

  #tree(): ObjectId {
    const id = this.#next('tree');
    this.#trees.set(id, new Map(this.#files));
    return id;
  }

  #diff(before: ObjectId, after: ObjectId): FileDifference[] {
    const [old, now] = [this.#trees.get(before), this.#trees.get(after)];
    return PATHS.filter((path) => old?.get(path) !== now?.get(path)).map((path) => ({
      path,
      before: stateOf(old?.get(path)),
      after: stateOf(now?.get(path)),
    }));
  }

  #next(what: string): string {
    this.#last += 1;
    return `${what}-${this.#last}`;
  }
}

describe('calls that run at the same time', () => {
  it('are never told as certain what another session did, and always what they did themselves', () => {
    const random = chance();
    for (let round = 0; round < 300 * faultLoops(); round += 1) {
      const model = new Model();
      for (let step = 0; step < 12; step += 1) {
        const choice = random.next();
        if (choice < 0.35) {
          const paths = random.next() < 0.6 ? PATHS : [pick(PATHS, random) ?? 'a'];
          model.begin(pick(SESSIONS, random) ?? 'A', paths === PATHS, paths);
        } else if (choice < 0.75) model.write(random);
        else model.end(random);
      }
      model.endAll(random);
      check(model);
    }
  });
});

function check(model: Model): void {
  for (const [session, changes] of model.changes) {
    for (const { after, ambiguous } of changes) {
      if (ambiguous !== true && after !== undefined) expect(model.writers.get(after.id)).toBe(session);
    }
  }
  for (const path of PATHS) {
    const state = model.state(path);
    const writer = state === undefined ? undefined : model.writers.get(state.id);
    if (writer === undefined) continue;
    const told = model.changes.get(writer) ?? [];
    expect(told.some((change) => change.path === path && change.after?.id === state?.id)).toBe(true);
  }
}

function pick<T>(from: readonly T[], random: Chance): T | undefined {
  return from[Math.floor(random.next() * from.length)];
}

function stateOf(content: string | undefined): MaybeFile {
  return content === undefined ? undefined : { mode: REGULAR, id: content };
}
