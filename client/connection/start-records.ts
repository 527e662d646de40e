/** What daemons and those who start them leave in the run directory for each other. */
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ProtocolError, isErrorKind } from '../../protocol/errors.ts';
import type { Locations } from './locations.ts';

/** A starting marker older than this belongs to somebody who is gone. */
const MARKER_VALID_MS = 3_000;
const TAIL_BYTES = 4_096;
const TAIL_LINES = 12;

/** The right to start a daemon for a moment. It only spares the machine needless starts; the lock decides who serves. */
export class StartMarker {
  readonly #path: string;
  readonly #token: string;
  #held = false;

  constructor(locations: Locations) {
    this.#path = join(locations.endpoint.runDirectory, 'starting');
    this.#token = `${process.pid} ${performance.now()}`;
  }

  get isHeld(): boolean {
    return this.#held;
  }

  /** @returns whether we are the one who starts now. */
  claim(): boolean {
    if (this.#held) return true;
    this.#held = this.#write() || (this.#removeStale() && this.#write());
    return this.#held;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    if (readIfThere(this.#path) === this.#token) removeIfThere(this.#path);
  }

  #write(): boolean {
    try {
      writeFileSync(this.#path, this.#token, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      // A full disk must not keep a daemon from starting, and the marker is not needed for that.
      return true;
    }
  }

  #removeStale(): boolean {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined) return true;
    if (Math.abs(Date.now() - found.mtimeMs) < MARKER_VALID_MS) return false;
    removeIfThere(this.#path);
    return true;
  }
}

/**
 * Why the latest daemon refused to start.
 * @param since milliseconds since 1970; a failure that is not younger is somebody else's.
 */
export function readStartFailure(locations: Locations, since: number): ProtocolError | undefined {
  const text = readIfThere(join(locations.endpoint.runDirectory, 'start-failure.json'));
  if (text === undefined) return undefined;
  const { at, kind, message, hint } = parseRecord(text);
  const time = typeof at === 'number' ? at : Date.parse(String(at));
  if (!(time > since) || typeof message !== 'string') return undefined;
  return new ProtocolError(isErrorKind(kind) ? kind : 'DAEMON_UNAVAILABLE', message, {
    hint: typeof hint === 'string' ? hint : '',
  });
}

/**
 * Whether a person has stopped this daemon, and none has started since.
 * @param pid of the daemon that was lost.
 */
export function wasStopped({ endpoint }: Locations, pid: number): boolean {
  const { starts } = parseRecord(readIfThere(join(endpoint.runDirectory, 'starts.json')) ?? '');
  const last: unknown = Array.isArray(starts) ? starts.at(-1) : undefined;
  if (typeof last !== 'object' || last === null) return false;
  const { pid: latest, deliberate } = last as { pid?: unknown; deliberate?: unknown };
  return latest === pid && deliberate === true;
}

/** When the newest daemon that came to serve was started, in milliseconds since 1970; 0 when none is known of. */
export function lastGoodStart({ endpoint }: Locations): number {
  const { starts } = parseRecord(readIfThere(join(endpoint.runDirectory, 'starts.json')) ?? '');
  if (!Array.isArray(starts)) return 0;
  const good = (starts as { at?: unknown; outcome?: unknown }[]).flatMap(({ at, outcome }) =>
    (outcome === 'served' || outcome === 'ended') && typeof at === 'number' ? [at] : [],
  );
  return Math.max(0, ...good);
}

/** The last lines of the newest log file; empty when there is none. */
export function readLogTail(logDirectory: string): string {
  try {
    const newest = readdirSync(logDirectory)
      .map((name) => join(logDirectory, name))
      .filter((path) => statSync(path).isFile())
      .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
    return newest === undefined ? '' : readEnd(newest).trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  } catch {
    // The tail explains another failure; without it that one is still told.
    return '';
  }
}

function readEnd(path: string): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(TAIL_BYTES);
    const start = Math.max(0, statSync(path).size - TAIL_BYTES);
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, TAIL_BYTES, start));
  } finally {
    closeSync(file);
  }
}

function parseRecord(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Written by rename, so never half; something else put it there.
    return {};
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** Nothing is there, or the way to it is no directory, which the check of the directories says better. */
function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
