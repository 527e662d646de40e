/** What of a person's repositories bears on what is captured: their private excludes and the paths in their index. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { parseRules, type Rules } from '../../domain/ignoring/ignore-rules.ts';
import { toBytes, toShownText, type ByteText } from '../byte-text.ts';
import { realDisk, type Stat } from './disk.ts';
import { parseIndex, TrackedPaths, trackedPaths } from './git-index.ts';
import { isSettled, sameStat } from './stamp.ts';
import { textOf } from './text-file.ts';

/** Bytes of an index that is read: about ten million paths. */
const MAX_INDEX_BYTES = 2 ** 30;

export interface Repository {
  readonly exclude: Rules;
  readonly excludeText: string;
  readonly tracked: TrackedPaths;
}

interface KnownIndex {
  readonly stat: Stat | undefined;
  readonly tracked: TrackedPaths;
  readonly remark: string | undefined;
}

/** Looks at `.git`, never writes there, and reads neither configuration nor hooks. */
export class Repositories {
  readonly #now: () => number;
  /** By path of the index. */
  readonly #indexes = new Map<ByteText, KnownIndex>();
  readonly #remarks = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns undefined when the directory holds no `.git` that git would take for one. */
  at(directory: ByteText): Repository | undefined {
    const own = gitDirectory(directory);
    if (own === undefined || !exists(`${own}/HEAD`)) return undefined;
    const commonText = textOf(`${own}/commondir`, false)?.trim();
    const common = commonText === undefined || commonText === '' ? own : below(own, commonText);
    const excludeText = textOf(`${common}/info/exclude`, true) ?? '';
    return { exclude: parseRules(excludeText, false), excludeText, tracked: this.#tracked(own) };
  }

  /** What could not be read since this was last asked. */
  takeRemarks(): string[] {
    const remarks = [...this.#remarks];
    this.#remarks.clear();
    return remarks;
  }

  #tracked(own: ByteText): TrackedPaths {
    const path = `${own}/index`;
    const stat = statOf(path);
    const known = this.#indexes.get(path);
    const index =
      known?.stat !== undefined && stat !== undefined && sameStat(known.stat, stat)
        ? known
        : readIndex(own, path, stat, this.#now());
    this.#indexes.set(path, index);
    if (index.remark !== undefined) this.#remarks.add(index.remark);
    return index.tracked;
  }
}

/** In a worktree or a submodule, `.git` is a file that says where the rest is. */
function gitDirectory(directory: ByteText): ByteText | undefined {
  const git = `${directory}/.git`;
  const text = textOf(git, false);
  if (text === undefined) return exists(git) ? git : undefined;
  const link = /^gitdir: (.+)$/m.exec(text)?.[1];
  return link === undefined ? undefined : below(directory, link);
}

function readIndex(own: ByteText, path: ByteText, stat: Stat | undefined, now: number): KnownIndex {
  if (stat === undefined) return { stat, tracked: TrackedPaths.NONE, remark: undefined };
  const kept = isSettled(stat, now) ? stat : undefined;
  try {
    const { paths, shared } = parseIndex(bytesOf(path));
    const base = shared === undefined ? undefined : parseIndex(bytesOf(`${own}/sharedindex.${shared}`)).paths;
    return { stat: kept, tracked: trackedPaths(paths, base), remark: undefined };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    const remark = `The index of the repository, ${toShownText(path)}, could not be read (${why}): files in it that are ignored were not captured.`;
    return { stat: kept, tracked: TrackedPaths.NONE, remark };
  }
}

function bytesOf(path: ByteText): Buffer {
  const file = openSync(toBytes(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > MAX_INDEX_BYTES) throw new RangeError('it is no file of a size that is read');
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function below(directory: ByteText, path: ByteText): ByteText {
  return path.startsWith('/') ? path : `${directory}/${path}`;
}

function exists(path: ByteText): boolean {
  return statOf(path) !== undefined;
}

/** Undefined also of what may not be looked at: then there is nothing to go by. */
function statOf(path: ByteText): Stat | undefined {
  try {
    return realDisk.lstat(path);
  } catch {
    return undefined;
  }
}
