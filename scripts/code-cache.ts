/** Runs first in every built program: keeps compiled code in a directory of the user's own, since start-up time is a budget. */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const FLUSH_AFTER_MS = 5_000;
const FORGET_AFTER_MS = 7 * 24 * 3_600_000;

export interface CodeCacheOptions {
  /** Name of the build; each has a cache of its own. */
  readonly build: string;
  /** Write the cache soon after the start, for a program that may be killed before it ends. */
  readonly lasting: boolean;
}

/**
 * Turns Node's compile cache on. Never throws: a program without a cache is slower and otherwise the same.
 *
 * The directory is the user's own with mode 0700, because who can write to it decides what the program does. A cache that
 * NODE_COMPILE_CACHE has already turned on is left alone.
 */
export function useCodeCache({ build, lasting }: CodeCacheOptions): void {
  // Node 18 and 20 get this far: they have no such function, and the program itself says which version it needs.
  if (typeof nodeModule.enableCompileCache !== 'function' || process.env['NODE_COMPILE_CACHE'] !== undefined) return;
  try {
    const builds = join(userCache(), 'm', 'code');
    const directory = join(builds, build);
    const created = mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined;
    if (!isPrivate(builds) || !isPrivate(directory)) return;
    nodeModule.enableCompileCache(directory);
    if (created) forgetOldBuilds(builds);
  } catch {
    // No home directory, a read-only one, a full disk: none of them is a reason not to start.
    return;
  }
  if (lasting) setTimeout(() => nodeModule.flushCompileCache(), FLUSH_AFTER_MS).unref();
}

/** The place that `env-paths` names too; that library is not loaded here, since it fails where there is no home directory. */
function userCache(): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  const named = process.env['XDG_CACHE_HOME'] ?? '';
  return isAbsolute(named) ? named : join(homedir(), '.cache');
}

function isPrivate(directory: string): boolean {
  const found = lstatSync(directory);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
}

function forgetOldBuilds(builds: string): void {
  for (const name of readdirSync(builds)) {
    const directory = join(builds, name);
    if (Date.now() - lstatSync(directory).mtimeMs > FORGET_AFTER_MS)
      rmSync(directory, { recursive: true, force: true });
  }
}
