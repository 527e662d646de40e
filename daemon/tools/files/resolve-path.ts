/** Follows a path as the system would, also where nothing exists yet, and says where it leads. */
import type { BigIntStats } from 'node:fs';
import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ToolRefusal } from '../../services/tool-port.ts';
import { systemCode } from '../failure-text.ts';

/** As many as Linux follows. */
const MAX_LINKS = 40;

export interface Resolved {
  /** Absolute, through no symbolic link. */
  readonly path: string;
  /** Of the path itself; undefined when nothing is there. */
  readonly stat: BigIntStats | undefined;
}

/**
 * @param absolute may hold `..`, which is taken after symbolic links, as the system does.
 * @throws ToolRefusal when it leads nowhere: through a file, a circle, a directory that does not exist and out of it again.
 */
export async function resolvePath(absolute: string): Promise<Resolved> {
  const ahead = partsOf(absolute);
  let path = '/';
  let stat: BigIntStats | undefined = await lstat('/', { bigint: true });
  let links = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (stat !== undefined && !stat.isDirectory()) throw new ToolRefusal(`${path} is not a directory`);
    if (name === '..') {
      if (stat === undefined) throw new ToolRefusal(`${path} does not exist`);
      path = dirname(path);
      continue;
    }
    const next = join(path, name);
    const found: BigIntStats | undefined = stat === undefined ? undefined : await lookAt(next);
    if (found?.isSymbolicLink() !== true) {
      path = next;
      stat = found;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new ToolRefusal(`${absolute} goes through too many symbolic links`);
    const target = await readlink(next);
    ahead.unshift(...partsOf(target));
    if (target.startsWith('/')) {
      path = '/';
      stat = await lookAt('/');
    }
  }
  return { path: await asStored(path), stat };
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

async function lookAt(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where file systems do not tell cases or forms of a letter apart, a name has one way to be written: as it is stored. */
async function asStored(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return join(await asStored(dirname(path)), basename(path));
  }
}
