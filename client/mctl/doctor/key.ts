/** Whether the store can be read: what the daemon says of the key, and what can be seen without one. */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { failureOf } from '../../command-line/failure.ts';
import { readKeyProvider } from '../../connection/hello.ts';
import { readPassphraseFile } from '../../connection/passphrase-file.ts';
import { ownUid } from '../../connection/private-directory.ts';
import type { KeyStatus } from '../../../protocol/key.ts';
import { broken, note, ok, type Check, type Finding, type Patient } from './finding.ts';

const OTHERS = 0o077;
/** Where a key file is, when there is one. */
const KEY_FILE = 'key';

export const checkKey: Check = async (patient) => {
  const key = await askForKey(patient);
  const path = key?.keyFile ?? join(patient.locations.dataDirectory, KEY_FILE);
  const isNeeded = key?.provider === 'keyfile';
  return [
    key === undefined ? notLookedAt(patient) : stateOf(key),
    ...(isNeeded || existsSync(path) ? [keyFile(path)] : []),
    ...wishedProvider(patient.context.around.environment),
    ...passphraseFile(patient.context.around.environment),
    ...messageBus(patient, key),
  ];
};

/** Looks only: a store that does not exist is not created, and no daemon is started. */
async function askForKey({ context, daemon }: Patient): Promise<KeyStatus | undefined> {
  if (daemon === undefined) return undefined;
  const client = await context.connect({ startDaemon: false, onlyLooks: true });
  return await client.call('key/status', {});
}

function notLookedAt({ silence }: Patient): Finding {
  if (silence !== undefined) return note('key', 'not looked at, since the daemon does not answer');
  return note('key', 'not looked at, since no daemon runs', '`mctl keys status` starts one and looks.');
}

function stateOf(key: KeyStatus): Finding {
  if (key.state === 'unlocked') return ok('key', `${key.provider ?? 'unknown'}, the store can be read`);
  const reason = key.reason === '' ? `the store is ${key.state}` : key.reason;
  return key.state === 'none' ? note('key', reason, key.hint) : broken('key', reason, key.hint);
}

function keyFile(path: string): Finding {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const copy = 'Put it back from a copy; without it nothing of the store can be read.';
  if (found === undefined) return broken('key file', `${path} is missing`, copy);
  if (!found.isFile()) return broken('key file', `${path} is not a regular file`, copy);
  if (found.uid !== ownUid()) {
    return broken('key file', `${path} belongs to user ${found.uid}`, `Take it back: sudo chown ${ownUid()} '${path}'`);
  }
  if ((found.mode & OTHERS) !== 0)
    return broken('key file', `others can read ${path}`, `Close it: chmod 600 '${path}'`);
  return ok('key file', path);
}

/** With a daemon it has been said before: a connection brings the wish along. */
function wishedProvider(environment: NodeJS.ProcessEnv): Finding[] {
  try {
    readKeyProvider(environment['M_KEY_PROVIDER']);
    return [];
  } catch (error) {
    const { message, hint } = failureOf(error);
    return [broken('key', message, hint)];
  }
}

function passphraseFile(environment: NodeJS.ProcessEnv): Finding[] {
  const path = environment['M_PASSPHRASE_FILE'];
  if (path === undefined || path === '') return [];
  try {
    readPassphraseFile(path).fill(0);
    return [ok('passphrase file', path)];
  } catch (error) {
    const { message, hint } = failureOf(error);
    return [broken('passphrase file', message, hint)];
  }
}

/** On Linux the keychain is behind the message bus of the desktop session, which a shell over SSH or cron has none of. */
function messageBus({ context, system }: Patient, key: KeyStatus | undefined): Finding[] {
  const { environment } = context.around;
  const runtime = environment['XDG_RUNTIME_DIR'];
  const hasBus = Boolean(environment['DBUS_SESSION_BUS_ADDRESS']) || (!!runtime && existsSync(join(runtime, 'bus')));
  if (system.platform !== 'linux' || hasBus || key?.provider !== 'keychain') return [];
  return [
    note(
      'message bus',
      'this shell has none, so the keychain cannot be reached from here',
      'Work in the desktop session, or keep the key elsewhere: mctl keys move passphrase',
    ),
  ];
}
