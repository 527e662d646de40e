/** Whether the store can be read: what the daemon says of the key, and what can be seen without one. */
import { closeSync, existsSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { failureOf } from '../../command-line/failure.ts';
import { readKeyProvider } from '../../connection/hello.ts';
import { readPassphraseFile } from '../../connection/passphrase-file.ts';
import { ownUid } from '../../connection/private-directory.ts';
import type { KeyStatus } from '../../../protocol/key.ts';
import { broken, note, ok, unseen, type Check, type Finding, type Patient } from './finding.ts';
import { hasStore } from './store.ts';

const OTHERS = 0o077;
/** Where a key file is, when there is one. */
const KEY_FILE = 'key';
/** How it begins, and how many bytes it has, with or without a line end. The key itself is not for a frontend to read. */
const KEY_START = /^v1\.[0-9a-f]{8}\.$/;
const KEY_START_BYTES = 12;
const KEY_BYTES = [64, 65];

export const checkKey: Check = async (patient) => {
  const key = await askForKey(patient);
  const path = key?.keyFile ?? join(patient.locations.dataDirectory, KEY_FILE);
  const { environment } = patient.context.around;
  // Without a daemon nobody knows who keeps the key; this environment says who should.
  const isWished = key === undefined && environment['M_KEY_PROVIDER'] === 'keyfile' && hasStore(patient);
  const isNeeded = key?.provider === 'keyfile' || isWished;
  return [
    key === undefined ? notLookedAt(patient) : stateOf(key),
    ...(isNeeded || existsSync(path) ? [keyFile(path)] : []),
    ...wishedProvider(environment),
    ...passphraseFile(environment),
    ...messageBus(patient, key),
  ];
};

/** Looks only: a store that does not exist is not created, and no daemon is started. */
async function askForKey({ context, daemon }: Patient): Promise<KeyStatus | undefined> {
  if (daemon === undefined) return undefined;
  const client = await context.connect({ startDaemon: false, onlyLooks: true });
  return await client.call('key/status', {});
}

function notLookedAt(patient: Patient): Finding {
  if (patient.silence !== undefined) return unseen('key', 'not looked at, since the daemon does not answer');
  if (!hasStore(patient)) return note('key', 'there is no store yet');
  return unseen('key', 'not looked at, since no daemon runs', '`mctl keys status` starts one and looks.');
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
  if (!KEY_BYTES.includes(found.size) || !KEY_START.test(startOf(path)))
    return broken('key file', `${path} holds no key of m`, copy);
  return ok('key file', path);
}

function startOf(path: string): string {
  const start = Buffer.alloc(KEY_START_BYTES);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, start, 0, start.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return start.toString('latin1');
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
