/**
 * Calls that are running, and whose doing a change is when several run at the same time.
 *
 * A file tool names its paths, so what it changed is known exactly. A command may touch anything: what differs between the
 * files before and after it is its doing, but for what file tools changed meanwhile. What changed while commands of two
 * sessions ran may be of either, also where one of them ran in a workspace above or below.
 */
import type { TurnRef } from '../../services/snapshot-port.ts';
import type { ByteText } from '../byte-text.ts';
import { type MaybeFile, sameState } from '../diff/file-state.ts';
import { pathScope } from '../diff/path-scope.ts';
import type { FileDifference } from '../diff/tree-diff.ts';
import type { ObjectId } from '../objects/object.ts';
import type { SessionChange } from '../restore/attribution.ts';

interface Call {
  readonly turn: TurnRef;
  /** Paths that a call of another session may have changed while this one ran. */
  readonly contested: Set<ByteText>;
}

/** The commands of one turn that run at the same time: what they change is the turn's, whichever of them did it. */
export interface CommandBracket extends Call {
  readonly kind: 'command';
  readonly callIds: Set<string>;
  /** The files before the first of them, or when the last one ended: what they changed until then is recorded. */
  base: ObjectId;
  /** When `base` was taken: a later one has a higher number. */
  takenAt: number;
  /** What file tools changed since, of whichever session. */
  readonly inside: Map<ByteText, InsideChange[]>;
  /** Files, and directories with all that is in them, that calls in other workspaces may have changed since it began. */
  readonly disturbed: ByteText[];
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
  readonly #commands = new Map<string, CommandBracket>();
  readonly #files = new Map<string, FilesCall>();
  readonly #diff: Diff;
  #scans = 0;

  constructor(diff: Diff) {
    this.#diff = diff;
  }

  get size(): number {
    return this.#commands.size + this.#files.size;
  }

  /** The first command of a turn. @param base the files before it. @param disturbed as `disturb`, by what runs already. */
  beginCommand(turn: TurnRef, callId: string, base: ObjectId, disturbed: readonly ByteText[] = []): void {
    this.#scans += 1;
    const takenAt = this.#scans;
    const bracket = {
      turn,
      base,
      takenAt,
      callIds: new Set([callId]),
      inside: new Map(),
      disturbed: [...disturbed],
      contested: new Set<ByteText>(),
    };
    this.#commands.set(nameOf(turn), { kind: 'command', ...bracket });
  }

  /**
   * A call in a workspace above or below begins, which may change these: nothing says whose it is when a command has changed
   * them meanwhile. The empty path is everything.
   */
  disturb(paths: readonly ByteText[]): void {
    for (const { disturbed } of this.#commands.values()) disturbed.push(...paths);
  }

  /** @returns whether a command of this turn runs already, so that the files before this one need not be known. */
  joinCommand(turn: TurnRef, callId: string): boolean {
    const bracket = this.#commands.get(nameOf(turn));
    bracket?.callIds.add(callId);
    return bracket !== undefined;
  }

  beginFiles(turn: TurnRef, callId: string, before: Map<ByteText, MaybeFile>): void {
    this.#files.set(`${nameOf(turn)}/${callId}`, { kind: 'files', turn, before, contested: new Set() });
  }

  /** @returns undefined for a call that did not begin here. */
  get(turn: TurnRef, callId: string): CommandBracket | FilesCall | undefined {
    const bracket = this.#commands.get(nameOf(turn));
    return bracket?.callIds.has(callId) === true ? bracket : this.#files.get(`${nameOf(turn)}/${callId}`);
  }

  hasCommand(turn: TurnRef): boolean {
    return this.#commands.has(nameOf(turn));
  }

  /** One of its commands has ended. @param now the files after it. @returns what was changed since the last one ended. */
  endCommand(bracket: CommandBracket, callId: string, now: ObjectId): SessionChange[] {
    this.#scans += 1;
    this.#contest(bracket, now);
    const elsewhere = pathScope(bracket.disturbed);
    const isContested = (path: ByteText): boolean => bracket.contested.has(path) || elsewhere.holds(path);
    const changes = this.#diff(bracket.base, now).flatMap((difference) => remainder(bracket, difference, isContested));
    bracket.callIds.delete(callId);
    if (bracket.callIds.size === 0) this.#commands.delete(nameOf(bracket.turn));
    bracket.base = now;
    bracket.takenAt = this.#scans;
    bracket.inside.clear();
    bracket.contested.clear();
    for (const call of this.#files.values()) tell(call, bracket, changes);
    return changes;
  }

  /** @param now the state of each of its paths. @returns what it changed. */
  endFiles(call: FilesCall, callId: string, now: ReadonlyMap<ByteText, MaybeFile>): SessionChange[] {
    this.#files.delete(`${nameOf(call.turn)}/${callId}`);
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
    this.#commands.delete(nameOf(turn));
    for (const [key, call] of this.#files) if (nameOf(call.turn) === nameOf(turn)) this.#files.delete(key);
  }

  forgetSession(sessionId: string): void {
    for (const { turn } of [...this.#commands.values(), ...this.#files.values()]) {
      if (turn.sessionId === sessionId) this.forget(turn);
    }
  }

  /** What changed while a call of another session was at work on it as well may be of either. */
  #contest(bracket: CommandBracket, now: ObjectId): void {
    for (const other of this.#commands.values()) {
      if (isSameSession(other, bracket)) continue;
      const since = other.takenAt > bracket.takenAt ? other.base : bracket.base;
      for (const { path } of this.#diff(since, now)) {
        bracket.contested.add(path);
        other.contested.add(path);
      }
    }
    for (const call of this.#files.values()) {
      if (!isSameSession(call, bracket)) for (const path of call.before.keys()) bracket.contested.add(path);
    }
  }

  /** @returns whether a file tool of another session is at work on the same path. */
  #tellOfFile(call: FilesCall, path: ByteText, before: MaybeFile, after: MaybeFile): boolean {
    const change = { sessionId: call.turn.sessionId, before, after };
    for (const { inside } of this.#commands.values()) inside.set(path, [...(inside.get(path) ?? []), change]);
    let isContested = false;
    for (const other of this.#files.values()) {
      if (!other.before.has(path)) continue;
      if (isSameSession(other, call)) other.before.set(path, after);
      else {
        other.contested.add(path);
        isContested = true;
      }
    }
    return isContested;
  }
}

/** A command has ended: a file tool of its session goes on from there, one of another session may have been disturbed. */
function tell(call: FilesCall, bracket: CommandBracket, changes: readonly SessionChange[]): void {
  for (const { path, after } of changes) {
    if (!call.before.has(path)) continue;
    if (isSameSession(call, bracket)) call.before.set(path, after);
    else call.contested.add(path);
  }
}

/** What is left of a difference for the command when the changes of file tools are taken out of it. */
function remainder(
  call: CommandBracket,
  { path, before, after }: FileDifference,
  isContested: (path: ByteText) => boolean,
): SessionChange[] {
  const shell = (from: MaybeFile, isAmbiguous: boolean): SessionChange[] => {
    if (sameState(from, after)) return [];
    const change = { path, before: from, after, by: 'shell' } as const;
    return [isAmbiguous || isContested(path) ? { ...change, ambiguous: true } : change];
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

function nameOf({ sessionId, turn }: TurnRef): string {
  return `${sessionId}/${turn}`;
}

function isSameSession(left: Call, right: Call): boolean {
  return left.turn.sessionId === right.turn.sessionId;
}
