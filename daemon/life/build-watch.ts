/** Notices that the files this daemon runs from were replaced by another build's. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Looks at `build.json` beside the programs. A missing or unreadable record says nothing: an installation may be under way.
 * @param directory of the programs, as they were started.
 * @param id of the build that runs.
 * @returns a function that ends the watch. `onReplaced` is called at most once, with the id of the other build.
 */
export function watchBuild(
  directory: string,
  id: string,
  everyMs: number,
  onReplaced: (otherId: string) => void,
): () => void {
  const path = join(directory, 'build.json');
  let seen = '';
  const timer = setInterval(() => {
    try {
      const stamp = stampOf(path);
      if (stamp === seen) return;
      const { id: found } = JSON.parse(readFileSync(path, 'utf8')) as { id?: unknown };
      seen = stamp;
      if (typeof found !== 'string' || found === id) return;
      clearInterval(timer);
      onReplaced(found);
    } catch {
      // No record, or half of one: it is looked at again.
    }
  }, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

function stampOf(path: string): string {
  const found = statSync(path);
  return `${found.ino} ${found.mtimeMs}`;
}
