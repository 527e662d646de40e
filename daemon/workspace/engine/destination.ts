/** Where an export or the files of a snapshot may go. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ProtocolError } from '../../../protocol/errors.ts';
import { isGone } from '../objects/store-errors.ts';

/** @throws ProtocolError CONFLICT for a place in the workspace, or in what m keeps. */
export function requireOutside(
  destination: string,
  { root, dataDirectory }: { readonly root: string; readonly dataDirectory: string },
): void {
  const target = realOf(resolve(destination));
  const inside = [root, realOf(dataDirectory)].find((directory) => isWithin(target, directory));
  if (inside === undefined) return;
  throw new ProtocolError('CONFLICT', `${destination} is inside of ${inside}`, {
    hint: 'name a directory outside of the workspace and of the data directory of m',
  });
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** Through symbolic links as far as the path exists. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const above = dirname(path);
    if (!isGone(error) || above === path) return path;
    return join(realOf(above), basename(path));
  }
}
