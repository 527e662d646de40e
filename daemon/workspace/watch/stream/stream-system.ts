/** What the stream loop gets from the system: the library that watches a whole tree, and files that mark moments. */
import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WatchSettings } from '../watch-calls.ts';
import type { StreamEvent, StreamSystem } from './stream-loop.ts';

/** Milliseconds, of which what one thread of the library hands over at once takes a small part. */
const TOGETHER = 10;

/** What is used of `@parcel/watcher`. */
export interface TreeWatcher {
  subscribe(directory: string, told: (error: Error | null, events: StreamEvent[]) => unknown): Promise<unknown>;
}

/** @throws the error of the system when the directory of cookies cannot be made. */
export function streamSystem({ root, cookies }: WatchSettings, library: TreeWatcher): StreamSystem {
  mkdirSync(cookies, { recursive: true, mode: 0o700 });
  for (const left of readdirSync(cookies)) rmSync(join(cookies, left), { force: true });
  const places = { root: realName(root), cookies: realName(cookies) };
  return {
    roots: [...new Set([root, places.root])],
    watch: async (what, told, failed) => {
      await library.subscribe(places[what], (error, events) => {
        if (error === null) told(events);
        else failed(error.message);
      });
    },
    makeCookie: (name) => {
      writeFileSync(join(cookies, name), '', { mode: 0o600 });
    },
    removeCookie: (name) => {
      rmSync(join(cookies, name), { force: true });
    },
    place: () => {
      try {
        const { dev, ino, birthtimeNs } = statSync(root, { bigint: true });
        return `${dev} ${ino} ${birthtimeNs}`;
      } catch {
        return undefined;
      }
    },
    soon: (then) => void setTimeout(then, TOGETHER),
    isDirectory: (path) => {
      try {
        return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
      } catch {
        return true;
      }
    },
  };
}

/** As the system spells it: under other names, of links or in another case, it may tell nothing. */
function realName(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
