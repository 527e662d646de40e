/** What is left out of a search: the rules of a directory together with those of the directories above it. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { parseRules, verdictOf, type Rules } from '../../domain/ignoring/ignore-rules.ts';

/** Bytes of an ignore file that are read. */
const MAX_BYTES = 1024 * 1024;
/** Git tells cases apart where the file system does. */
const IGNORE_CASE = process.platform === 'darwin' || process.platform === 'win32';
const NONE: Rules = [];

/** The rules of one directory. A level without rules of its own exists too, so that paths can be told relative to it. */
export interface Level {
  readonly above: Level | undefined;
  /** Name of the directory in the one above; empty for the highest. */
  readonly name: string;
  readonly isRepository: boolean;
  /** From `.ignore`, `.gitignore` and `.git/info/exclude`: what the first kind says, at any depth, goes before the second. */
  readonly kinds: readonly [ignore: Rules, gitignore: Rules, exclude: Rules];
}

/** Names in a directory that bear on what is left out there. */
const TELLING = new Set(['.ignore', '.gitignore', '.git']);

/**
 * @param path of the directory, for system calls.
 * @param names of its entries, or of those that bear on this; undefined to look for them.
 */
export function levelOf(path: string, name: string, above: Level | undefined, names?: ReadonlySet<string>): Level {
  const has = (entry: string) => names === undefined || names.has(entry);
  const isRepository = has('.git') && exists(join(path, '.git'));
  return {
    above,
    name,
    isRepository,
    kinds: [
      has('.ignore') ? rulesIn(`${path}/.ignore`) : NONE,
      has('.gitignore') ? rulesIn(`${path}/.gitignore`) : NONE,
      isRepository ? rulesIn(excludeFile(path)) : NONE,
    ],
  };
}

export function isTelling(name: string): boolean {
  return TELLING.has(name);
}

/** The level of a directory with all that are above it: up to the repository that it is in, or else up to `top`. */
export function levelsAbove(directory: string, top: string): Level {
  const chain = [directory];
  while (!exists(join(chain[0] ?? '/', '.git')) && chain[0] !== '/') chain.unshift(dirname(chain[0] ?? '/'));
  const inRepository = exists(join(chain[0] ?? '/', '.git'));
  const start = inRepository ? 0 : Math.max(0, chain.indexOf(chain.includes(top) ? top : directory));
  let level: Level | undefined;
  for (const path of chain.slice(start))
    level = levelOf(path, level === undefined ? '' : path.slice(path.lastIndexOf('/') + 1), level);
  return level ?? levelOf(directory, '', undefined);
}

/** @param name of an entry of the level's directory. */
export function isIgnored(level: Level, name: string, isDirectory: boolean): boolean {
  for (const kind of [0, 1, 2] as const) {
    const path = [name];
    for (let at: Level | undefined = level; at !== undefined; at = at.above) {
      const verdict = verdictOf(at.kinds[kind], path, isDirectory);
      if (verdict !== undefined) return verdict === 'ignored';
      // What git leaves out ends where another repository begins.
      if (kind !== 0 && at.isRepository) break;
      path.unshift(at.name);
    }
  }
  return false;
}

function rulesIn(path: string): Rules {
  const text = textOf(path);
  return text === undefined ? NONE : parseRules(text, IGNORE_CASE);
}

/** As git does, one that is a symbolic link does not count. */
function textOf(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return undefined;
    const buffer = Buffer.alloc(Math.min(stat.size, MAX_BYTES));
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(file);
  }
}

/** In a worktree or a submodule, `.git` is a file that says where the rest is. */
function excludeFile(directory: string): string {
  const git = join(directory, '.git');
  const link = /^gitdir: (.+)$/m.exec(textOf(git) ?? '')?.[1];
  if (link === undefined) return join(git, 'info/exclude');
  const own = isAbsolute(link) ? link : join(directory, link);
  const common = textOf(join(own, 'commondir'))?.trim();
  return join(common === undefined ? own : isAbsolute(common) ? common : join(own, common), 'info/exclude');
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
