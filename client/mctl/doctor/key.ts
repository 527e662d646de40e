/** Whether the store can be read. */
import { lstatSync } from 'node:fs';
import { broken, note, ok, type Check, type Finding } from './finding.ts';

export const checkKey: Check = async ({ context, daemon }) => {
  if (daemon === undefined)
    return [note('key', 'not looked at, since no daemon runs', '`mctl keys status` starts one and looks.')];
  if (daemon.keyState === 'none' && daemon.keyProvider === null) return [note('key', 'there is no store yet')];
  const client = await context.connect({ startDaemon: false });
  const key = await client.call('key/status', {});
  const found: Finding =
    key.state === 'unlocked'
      ? ok('key', `${key.provider ?? 'unknown'}, the store can be read`)
      : broken('key', key.reason === '' ? `the store is ${key.state}` : key.reason, key.hint);
  return key.keyFile === null ? [found] : [found, keyFile(key.keyFile)];
};

function keyFile(path: string): Finding {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const fix = 'Put it back from a copy; without it nothing of the store can be read.';
  if (found === undefined) return broken('key file', `${path} is missing`, fix);
  if ((found.mode & 0o077) !== 0) return broken('key file', `others can read ${path}`, `Close it: chmod 600 '${path}'`);
  return ok('key file', path);
}
