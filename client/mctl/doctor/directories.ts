/** Whether the directories are real, ours, and closed to others. */
import { lstatSync } from 'node:fs';
import { checkPrivateDirectory, ownUid } from '../../connection/private-directory.ts';
import { failureOf } from '../../command-line/failure.ts';
import { broken, note, ok, type Check, type Finding } from './finding.ts';

const OTHERS_MAY_WRITE = 0o022;

export const checkDirectories: Check = ({ locations }) => {
  const { dataDirectory, logDirectory, endpoint } = locations;
  const data = checkData(dataDirectory);
  if (data.state !== 'ok') return [data];
  const rest = new Map([
    [endpoint.runDirectory, 'run directory'],
    [endpoint.socketDirectory, 'socket directory'],
    [logDirectory, 'log directory'],
  ]);
  return [data, ...[...rest].map(([path, name]) => checkPrivate(name, path))];
};

function checkData(path: string): Finding {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return note('data directory', `${path} does not exist yet`);
  if (!found.isDirectory())
    return broken('data directory', `${path} is not a directory`, `Move it away: mv '${path}' …`);
  if (found.uid !== ownUid()) {
    const fix = `Run m as that user, or set M_DATA_DIR to a directory of your own.`;
    return broken('data directory', `${path} belongs to user ${found.uid}, and this is user ${ownUid()}`, fix);
  }
  if ((found.mode & OTHERS_MAY_WRITE) !== 0) {
    return broken('data directory', `others may write to ${path}`, `Close it: chmod 700 '${path}'`);
  }
  return ok('data directory', path);
}

function checkPrivate(name: string, path: string): Finding {
  try {
    return checkPrivateDirectory(path) ? ok(name, path) : note(name, `${path} does not exist yet`);
  } catch (error) {
    const { message, hint } = failureOf(error);
    return broken(name, message, hint);
  }
}
