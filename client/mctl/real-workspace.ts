/** The directory that a person names, as sessions know it. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * Sessions of a directory that is gone are still found by its old path.
 * @param directory where the program was started.
 */
export function realWorkspace(directory: string, given: string): string {
  const path = resolve(directory, given);
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // A symbolic link further up was followed when the sessions began.
    return dirname(path) === path ? path : join(realWorkspace(directory, dirname(path)), basename(path));
  }
}
