/** What the watch loop gets from Linux: inotify through `fs.watch`, its limits, and what is mounted where. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotWatch } from './cannot-watch.ts';
import type { OpenWatch } from './directory-watches.ts';
import { mountsWithin, readMounts } from './mounts.ts';
import type { WatchSettings } from './watch-calls.ts';
import type { WatchSystem } from './watch-loop.ts';

const LIMITS = '/proc/sys/fs/inotify';

/** @throws CannotWatch where the system tells nothing of its limits, which is anywhere but on Linux. */
export function linuxWatches({ root, cookies }: WatchSettings): WatchSystem {
  mkdirSync(cookies, { recursive: true, mode: 0o700 });
  for (const left of readdirSync(cookies)) rmSync(join(cookies, left), { force: true });
  return {
    open,
    cookie: (name) => {
      writeFileSync(join(cookies, name), '', { mode: 0o600 });
      rmSync(join(cookies, name), { force: true });
    },
    place: () => {
      const stat = statSync(root, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      const mounts = mountsWithin(root, readMounts()).join('\n');
      return `${stat.dev} ${stat.ino} ${stat.birthtimeNs}\n${mounts}`;
    },
    maxWatches: limit('max_user_watches'),
    heldWatches: heldWatches(),
    maxEvents: limit('max_queued_events'),
  };
}

const open: OpenWatch = (path, told, failed) => {
  const watcher = watch(path, { encoding: 'latin1' });
  watcher.on('change', told);
  watcher.on('error', failed);
  return watcher;
};

/** Watches that this process has, of other workspaces. */
function heldWatches(): number {
  let held = 0;
  try {
    for (const name of readdirSync('/proc/self/fd')) held += watchesOf(name);
  } catch {
    // Not to be told here: what is too many, the system refuses.
  }
  return held;
}

/** @param descriptor that may be closed by now. @returns as proc(5) has it, one line for each watch of an inotify. */
function watchesOf(descriptor: string): number {
  try {
    if (readlinkSync(`/proc/self/fd/${descriptor}`) !== 'anon_inode:inotify') return 0;
    const lines = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1').split('\n');
    return lines.filter((line) => line.startsWith('inotify ')).length;
  } catch {
    return 0;
  }
}

function limit(name: string): number {
  try {
    const value = Number.parseInt(readFileSync(join(LIMITS, name), 'utf8'), 10);
    if (value > 0) return value;
  } catch {
    // Not Linux, or /proc is hidden: what follows is the same.
  }
  throw new CannotWatch(`the system does not tell its limit ${name} for watching`);
}
