/**
 * Calls that are running, and whose doing a change is when several run at the same time.
 *
 * A file tool names its paths, so what it changed is known exactly. A command may touch anything: what differs between the
 * files before and after it is its doing, but for what file tools changed meanwhile. What changed while commands of two
 * sessions ran may be of either.
 */
import type { TurnRef } from '../../services/snapshot-port.ts';
import type { ByteText } from '../byte-text.ts';
import { type MaybeFile, sameState } from '../diff/file-state.ts';
import type { FileDifference } from '../diff/tree-diff.ts';
import type { ObjectId } from '../objects/object.ts';
import type { SessionChange } from '../restore/attribution.ts';

interface Call {
  readonly turn: TurnRef;
  /** Paths that a call of another session may have changed while this one ran. */
  readonly contested: Set<ByteText>;
}

export interface CommandCall extends Call {
  readonly kind: 'command';
  /** The files before it, or after a call of the same turn whose changes are recorded already. */
  base: ObjectId;
  /** When `base` was taken: a later one has a higher number. */
  takenAt: number;
  /** What file tools changed since, of whichever session. */
  readonly inside: Map<ByteText, InsideChange[]>;
}

export interface FilesCall extends Call {
  readonly kind: 'files';
  readonly before: Map<ByteText, MaybeFile>;
}

interface InsideChange {
  readonly sessionId: string;
  readonly before: MaybeFile;
  readonly after: MaybeFile;
}

export type Diff = (before: ObjectId, after: ObjectId) => readonly FileDifference[];

export class OpenCalls {
  readonly #calls = new Map<string, CommandCall | FilesCall>();
  readonly #diff: Diff;
  #scans = 0;

  constructor(diff: Diff) {
    this.#diff = diff;
  }

  get size(): number {
    return this.#calls.size;
  }

  beginCommand(turn: TurnRef, callId: string, base: ObjectId): void {
    this.#scans += 1;
    const call = { turn, base, takenAt: this.#scans, inside: new Map(), contested: new Set<ByteText>() };
    this.#calls.set(keyOf(turn, callId), { kind: 'command', ...call });
  }

  beginFiles(turn: TurnRef, callId: string, before: Map<ByteText, MaybeFile>): void {
    this.#calls.set(keyOf(turn, callId), { kind: 'files', turn, before, contested: new Set() });
  }

  /** @returns undefined for a call that did not begin here. */
  get(turn: TurnRef, callId: string): CommandCall | FilesCall | undefined {
    return this.#calls.get(keyOf(turn, callId));
  }

  hasCommand(turn: TurnRef): boolean {
    return this.#others(undefined).some((call) => call.kind === 'command' && sameTurn(call.turn, turn));
  }

  /** @param now the files after it. @returns what it changed. */
  endCommand(call: CommandCall, callId: string, now: ObjectId): SessionChange[] {
    this.#calls.delete(keyOf(call.turn, callId));
    this.#scans += 1;
    this.#contest(call, now);
    const changes = this.#diff(call.base, now).flatMap((difference) => remainder(call, difference));
    for (const other of this.#others(call)) this.#tell(other, call, changes, now);
    return changes;
  }

  /** @param now the state of each of its paths. @returns what it changed. */
  endFiles(call: FilesCall, callId: string, now: ReadonlyMap<ByteText, MaybeFile>): SessionChange[] {
    this.#calls.delete(keyOf(call.turn, callId));
    const changes: SessionChange[] = [];
    for (const [path, before] of call.before) {
      const after = now.get(path);
      if (sameState(before, after)) continue;
      const isContested = this.#tellOfFile(call, path, before, after) || call.contested.has(path);
      changes.push({ path, before, after, by: 'tool', ...(isContested ? { ambiguous: true } : {}) });
    }
    return changes;
  }

  /** Calls of a turn that ended without their ends being told. */
  forget(turn: TurnRef): void {
    for (const [key, call] of this.#calls) if (sameTurn(call.turn, turn)) this.#calls.delete(key);
  }

  forgetSession(sessionId: string): void {
    for (const [key, { turn }] of this.#calls) if (turn.sessionId === sessionId) this.#calls.delete(key);
  }

  #others(call: Call | undefined): (CommandCall | FilesCall)[] {
    return [...this.#calls.values()].filter((other) => other !== call);
  }

  /** What changed while a command of another session ran as well may be of either. */
  #contest(call: CommandCall, now: ObjectId): void {
    for (const other of this.#others(call)) {
      if (other.kind !== 'command' || sameSession(other.turn, call.turn)) continue;
      const since = other.takenAt > call.takenAt ? other.base : call.base;
      for (const { path } of this.#diff(since, now)) {
        call.contested.add(path);
        other.contested.add(path);
      }
    }
  }

  /** A command has ended: another call of its session goes on from there, one of another session may have been disturbed. */
  #tell(other: CommandCall | FilesCall, call: CommandCall, changes: readonly SessionChange[], now: ObjectId): void {
    const isOwn = sameSession(other.turn, call.turn);
    if (other.kind === 'command') {
      if (!isOwn) return;
      other.base = now;
      other.takenAt = this.#scans;
      other.inside.clear();
      other.contested.clear();
      return;
    }
    for (const { path, after } of changes) {
      if (!other.before.has(path)) continue;
      if (isOwn) other.before.set(path, after);
      else other.contested.add(path);
    }
  }

  /** @returns whether a file tool of another session is at work on the same path. */
  #tellOfFile(call: FilesCall, path: ByteText, before: MaybeFile, after: MaybeFile): boolean {
    const { sessionId } = call.turn;
    let isContested = false;
    for (const other of this.#others(call)) {
      if (other.kind === 'command') {
        const known = other.inside.get(path);
        if (known === undefined) other.inside.set(path, [{ sessionId, before, after }]);
        else known.push({ sessionId, before, after });
      } else if (other.before.has(path)) {
        if (sameSession(other.turn, call.turn)) other.before.set(path, after);
        else {
          other.contested.add(path);
          isContested = true;
        }
      }
    }
    return isContested;
  }
}

/** What is left of a difference for the command when the changes of file tools are taken out of it. */
function remainder(call: CommandCall, { path, before, after }: FileDifference): SessionChange[] {
  const shell = (from: MaybeFile, isAmbiguous: boolean): SessionChange[] => {
    if (sameState(from, after)) return [];
    const change = { path, before: from, after, by: 'shell' } as const;
    return [isAmbiguous || call.contested.has(path) ? { ...change, ambiguous: true } : change];
  };
  const inside = call.inside.get(path);
  const last = inside?.at(-1);
  if (inside === undefined || last === undefined) return shell(before, false);
  // The file tool was done before the command's files were looked at.
  if (sameState(last.after, before)) return shell(before, false);
  const isOthers = inside.some(({ sessionId }) => sessionId !== call.turn.sessionId);
  return shell(last.after, isOthers || !isChain(inside, before));
}

function isChain(changes: readonly InsideChange[], from: MaybeFile): boolean {
  let expected = from;
  for (const { before, after } of changes) {
    if (!sameState(before, expected)) return false;
    expected = after;
  }
  return true;
}

function keyOf({ sessionId, turn }: TurnRef, callId: string): string {
  return `${sessionId}/${turn}/${callId}`;
}

function sameSession(left: TurnRef, right: TurnRef): boolean {
  return left.sessionId === right.sessionId;
}

function sameTurn(left: TurnRef, right: TurnRef): boolean {
  return sameSession(left, right) && left.turn === right.turn;
}
