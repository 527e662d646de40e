/** Whether the directories are real, ours and closed to others, and nothing in them belongs to somebody else. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkDataDirectory, checkPrivateDirectory, ownUid } from '../../connection/private-directory.ts';
import { failureOf } from '../../command-line/failure.ts';
import { count } from '../../command-line/wording.ts';
import { broken, note, ok, type Check, type Finding } from './finding.ts';

const OTHERS = 0o077;
/** Directory of the database inside the data directory. */
const STORE = 'store';
/** Nothing else is named when there are many. */
const NAMED = 3;

export const checkDirectories: Check = ({ locations }) => {
  const { dataDirectory, logDirectory, endpoint } = locations;
  const data = examine('data directory', dataDirectory, checkDataDirectory);
  if (data.state !== 'ok') return [data];
  const store = join(dataDirectory, STORE);
  const rest = new Map([
    [endpoint.socketDirectory, 'socket directory'],
    // The same one, unless its path is too long for a socket.
    [endpoint.runDirectory, 'run directory'],
    [store, 'store directory'],
    [logDirectory, 'log directory'],
  ]);
  return [
    data,
    ...[...rest].map(([path, name]) => examine(name, path, checkPrivateDirectory)),
    ...foreignFiles([dataDirectory, ...rest.keys()]),
    ...openFiles(store),
  ];
};

/** @param check returns false when there is nothing at the path. */
function examine(name: string, path: string, check: (path: string) => boolean): Finding {
  try {
    return check(path) ? ok(name, path) : note(name, `${path} does not exist yet`);
  } catch (error) {
    const { message, hint } = failureOf(error);
    return broken(name, message, hint);
  }
}

/** What `sudo m` or a restored backup leaves: files that the daemon can neither read nor replace. */
function foreignFiles(directories: readonly string[]): Finding[] {
  const self = ownUid();
  const foreign = directories.flatMap((directory) => filesIn(directory).filter(({ uid }) => uid !== self));
  const [first] = foreign;
  if (first === undefined) return [];
  const names = foreign.slice(0, NAMED).map(({ path }) => path);
  const more = foreign.length > NAMED ? ', …' : '';
  return [
    broken(
      'owner',
      `${count(foreign.length, 'file')} of user ${first.uid}: ${names.join(', ')}${more}`,
      `Give them back to yourself: sudo chown -R ${self} '${directories[0] ?? ''}'`,
    ),
  ];
}

function openFiles(store: string): Finding[] {
  const open = filesIn(store).filter(({ mode, isFile }) => isFile && (mode & OTHERS) !== 0);
  return open
    .slice(0, NAMED)
    .map(({ path }) => broken('store', `others can read ${path}`, `Close it: chmod 600 '${path}'`));
}

function filesIn(directory: string): { path: string; uid: number; mode: number; isFile: boolean }[] {
  try {
    return readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      return found === undefined ? [] : [{ path, uid: found.uid, mode: found.mode, isFile: found.isFile() }];
    });
  } catch {
    // It is not there, or the finding about the directory itself says why it cannot be listed.
    return [];
  }
}
