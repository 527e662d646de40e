/** Directories that are no workspace, whatever the person says. */
import { realpathSync } from 'node:fs';

export interface RootPlaces {
  readonly home: string;
  readonly dataDirectory: string;
}

/** Views of the kernel: their files have no content of their own, and reading some of them does things. */
const KERNEL_VIEWS = ['/proc', '/sys', '/dev'];
/** Within one of them, but a file system in memory like any other. */
const SHARED_MEMORY = '/dev/shm';

/**
 * @param root real path of the directory.
 * @returns a sentence for people when it is not captured; undefined when it may be.
 */
export function refuseRoot(root: string, places: RootPlaces): string | undefined {
  const home = realOf(places.home);
  const data = realOf(places.dataDirectory);
  if (root === '/') return refusal(root, 'it is the whole file system');
  if (root === home) return refusal(root, 'it is your home directory');
  if (isWithin(home, root)) return refusal(root, 'your home directory is in it');
  if (isWithin(root, data)) return refusal(root, 'it belongs to the data directory of m');
  if (isWithin(data, root)) return refusal(root, 'the data directory of m is in it');
  if (!isWithin(root, SHARED_MEMORY) && KERNEL_VIEWS.some((view) => isWithin(root, view)))
    return refusal(root, 'it is a view of the kernel');
  return undefined;
}

function refusal(root: string, why: string): string {
  return `No snapshots are taken of ${root}: ${why}. Start in the directory of a project.`;
}

/** True also of the directory itself. */
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

/** What does not exist yet is where it says. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
