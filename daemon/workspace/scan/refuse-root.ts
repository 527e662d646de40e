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
 * @param root where it leads decides, also when a part of it is a symbolic link.
 * @returns a sentence for people when it is not captured; undefined when it may be.
 */
export function refuseRoot(root: string, places: RootPlaces): string | undefined {
  const real = realOf(root);
  const home = realOf(places.home);
  const data = realOf(places.dataDirectory);
  if (real === '/') return refusal(root, 'it is the whole file system');
  if (real === home) return refusal(root, 'it is your home directory');
  if (isWithin(home, real)) return refusal(root, 'your home directory is in it');
  if (isWithin(real, data)) return refusal(root, 'it belongs to the data directory of m');
  if (isWithin(data, real)) return refusal(root, 'the data directory of m is in it');
  if (!isWithin(real, SHARED_MEMORY) && KERNEL_VIEWS.some((view) => isWithin(real, view)))
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
