/** What something is that is not a plain file, in words. */
import type { BigIntStats, Dirent, Stats } from 'node:fs';
import { ToolRefusal } from '../../services/tool-port.ts';

type Described = Pick<
  BigIntStats | Dirent | Stats,
  'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isCharacterDevice' | 'isBlockDevice'
>;

/** @returns undefined for a plain file. */
export function kindOf(thing: Described): string | undefined {
  if (thing.isFile()) return undefined;
  if (thing.isDirectory()) return 'a directory';
  if (thing.isSymbolicLink()) return 'a symbolic link';
  if (thing.isFIFO()) return 'a named pipe';
  if (thing.isSocket()) return 'a socket';
  if (thing.isCharacterDevice() || thing.isBlockDevice()) return 'a device';
  return 'not a file';
}

/** @throws ToolRefusal unless it is a plain file. */
export function mustBeFile(shown: string, thing: Described): void {
  const kind = kindOf(thing);
  if (kind === undefined) return;
  const hint = thing.isDirectory() ? '; use list to see what is in it' : '; only plain files are read and written';
  throw new ToolRefusal(`${shown} is ${kind}${hint}`);
}
