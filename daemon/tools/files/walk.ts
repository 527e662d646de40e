/** Goes through a tree of directories in order, leaving out what is to be left out, and never through a symbolic link. */
import type { Dir, Dirent } from 'node:fs';
import { lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { ToolRefusal } from '../../services/tool-port.ts';
import { systemCode } from '../failure-text.ts';
import { holdDirectory, type HeldDirectory } from './held-directory.ts';
import { isIgnored, isTelling, levelOf, levelsAbove, type Level } from './ignore-levels.ts';
import { isKernelView } from './kernel-files.ts';
import { MAX_ENTRIES } from './limits.ts';
import type { Pace } from './pace.ts';

/** Entries that are read from the system at once. */
const BUFFERED = 512;
/** Directories within directories; beyond it a path can hardly be named any more. */
const MAX_DEPTH = 500;

export interface WalkOptions {
  /** Real path of the directory to begin in. */
  readonly from: string;
  readonly workspace: string;
  /** Also what ignore rules leave out. */
  readonly all: boolean;
  /** Real paths of directories that are left out whatever the rules say. */
  readonly sealed: ReadonlySet<string>;
  readonly pace: Pace;
  /** False for directories that hold nothing that is wanted. @param path names from where the walk began. */
  readonly enters?: (path: readonly string[]) => boolean;
}

/** What a walk could not show; its reader is told. */
export interface WalkGaps {
  ignored: number;
  unreadable: number;
  /** Directories of which only the first MAX_ENTRIES were looked at. */
  overfull: number;
  outOfTime: boolean;
}

export const NO_GAPS: Readonly<WalkGaps> = { ignored: 0, unreadable: 0, overfull: 0, outOfTime: false };

export interface Found {
  /** Names from where the walk began. */
  readonly path: readonly string[];
  readonly name: string;
  /** The directory it is in, held until the next is asked for. */
  readonly directory: HeldDirectory;
}

interface Visit {
  readonly path: readonly string[];
  readonly above: Level | undefined;
}

export class Walk {
  readonly gaps: WalkGaps = { ...NO_GAPS };
  readonly #options: WalkOptions;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Plain files: those of a directory in order of their names, then its directories. */
  async *files(): AsyncGenerator<Found> {
    const stack: Visit[] = [{ path: [], above: undefined }];
    for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
      const held = await this.#hold(visit);
      if (held === undefined) continue;
      try {
        const { files, directories, level } = await this.#look(held, visit);
        for (const name of files) {
          if (this.#options.pace.tired) await this.#rest();
          if (this.gaps.outOfTime) return;
          yield { path: [...visit.path, name], name, directory: held };
        }
        for (const name of directories.toReversed()) stack.push({ path: [...visit.path, name], above: level });
      } finally {
        await held.close();
      }
    }
  }

  async #rest(): Promise<void> {
    await this.#options.pace.rest();
    this.gaps.outOfTime = this.#options.pace.over;
  }

  async #hold({ path }: Visit): Promise<HeldDirectory | undefined> {
    if (path.length > MAX_DEPTH) {
      this.gaps.unreadable += 1;
      return undefined;
    }
    try {
      return await holdDirectory(join(this.#options.from, ...path));
    } catch (error) {
      // The first one was asked for by name.
      if (path.length === 0) throw error;
      if (!(error instanceof ToolRefusal) && systemCode(error) === undefined) throw error;
      this.gaps.unreadable += 1;
      return undefined;
    }
  }

  async #look(held: HeldDirectory, visit: Visit) {
    if (isKernelView(held.at('.'))) return { files: [], directories: [], level: undefined };
    const entries = await entriesOf(held, this.#options.pace, this.gaps);
    const level = this.#options.all ? undefined : this.#level(held, visit, entries);
    const files: string[] = [];
    const directories: string[] = [];
    for (const [name, kind] of entries) {
      if (name === '.git' || kind === 'other') continue;
      if (kind === 'directory' && this.#isClosed([...visit.path, name], join(held.path, name))) continue;
      if (level !== undefined && isIgnored(level, name, kind === 'directory')) this.gaps.ignored += 1;
      else (kind === 'file' ? files : directories).push(name);
    }
    return { files: files.sort(), directories: directories.sort(), level };
  }

  #isClosed(path: readonly string[], real: string): boolean {
    return this.#options.sealed.has(real) || this.#options.enters?.(path) === false;
  }

  #level(held: HeldDirectory, visit: Visit, entries: ReadonlyMap<string, unknown>): Level {
    if (visit.above === undefined) return levelsAbove(held.path, this.#options.workspace);
    const telling = new Set([...entries.keys()].filter(isTelling));
    return levelOf(held.at('.'), visit.path.at(-1) ?? '', visit.above, telling);
  }
}

/**
 * The entries of a directory, by name.
 * @param gaps told what is missing.
 * @throws the signal's reason.
 */
export async function entriesOf(held: HeldDirectory, pace: Pace, gaps: WalkGaps): Promise<Map<string, Kind>> {
  const entries = new Map<string, Kind>();
  let directory: Dir;
  try {
    directory = opendirSync(held.at('.'), { bufferSize: BUFFERED });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    gaps.unreadable += 1;
    return entries;
  }
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (entries.size === MAX_ENTRIES) {
        gaps.overfull += 1;
        break;
      }
      entries.set(entry.name, kindOfEntry(held, entry));
      if (pace.tired) await pace.rest();
      gaps.outOfTime = pace.over;
      if (gaps.outOfTime) break;
    }
  } finally {
    directory.closeSync();
  }
  return entries;
}

type Kind = 'file' | 'directory' | 'other';

/** Some file systems do not say what an entry is. */
function kindOfEntry(held: HeldDirectory, entry: Dirent): Kind {
  const known = entry.isFile() || entry.isDirectory() || entry.isSymbolicLink() || entry.isFIFO() || entry.isSocket();
  const thing = known ? entry : (lstatSync(held.at(entry.name), { throwIfNoEntry: false }) ?? entry);
  return thing.isFile() ? 'file' : thing.isDirectory() ? 'directory' : 'other';
}

/** What the reader of an answer should know of what is not in it. */
export function gapNotes({ ignored, unreadable, overfull, outOfTime }: WalkGaps): string[] {
  return [
    ...(outOfTime
      ? ['the time was over before everything had been looked at: begin further down, or make it narrower']
      : []),
    ...(unreadable > 0 ? [`${unreadable} directories could not be read`] : []),
    ...(overfull > 0
      ? [`${overfull} directories have more than ${MAX_ENTRIES} entries: only these were looked at`]
      : []),
    ...(ignored > 0 ? [`${ignored} ignored entries were left out; set all to see them`] : []),
  ];
}
