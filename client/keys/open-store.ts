/** Gets the store open for a frontend: with the key that is at hand, a passphrase, or what a person chooses at first use. */
import { askSecretly, canAsk } from '../command-line/ask.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import type { Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyStatus } from '../../protocol/key.ts';
import { createStore } from './first-use.ts';
import { TRIES, inTransit, passphraseFromFile } from './passphrase.ts';

const KINDS = { locked: 'KEY_LOCKED', denied: 'KEY_DENIED', none: 'KEY_UNAVAILABLE' } as const;

export interface OpenOptions {
  /** Whether a person may be asked, where one can be; default true. */
  readonly asks?: boolean;
}

/**
 * Opens the store. On a terminal a person is asked for what is missing.
 * @throws ProtocolError KEY_LOCKED, KEY_DENIED or KEY_UNAVAILABLE when it cannot be read, with the remedy; CANCELLED.
 */
export async function openStore(client: Client, around: Surroundings, options: OpenOptions = {}): Promise<KeyStatus> {
  const key = await client.call('key/status', {});
  if (key.state === 'unlocked') return key;
  const asks = (options.asks ?? true) && canAsk(around);
  if (isLockedByPassphrase(key)) return await unlock(client, around, key, asks);
  if ((key.choices ?? []).length > 0) {
    const created = await createStore(client, around, key, asks);
    if (created.state === 'unlocked') return created;
    throw refusalOf(created);
  }
  throw refusalOf(key);
}

/** Whether a passphrase opens it. */
export function isLockedByPassphrase(key: KeyStatus): boolean {
  return key.state === 'locked' && key.provider === 'passphrase';
}

/**
 * Unlocks with the passphrase of M_PASSPHRASE_FILE.
 * @returns undefined when it names no file.
 * @throws ProtocolError KEY_UNAVAILABLE when the file cannot be used.
 */
export async function unlockFromFile(client: Client, environment: NodeJS.ProcessEnv): Promise<KeyStatus | undefined> {
  const passphrase = passphraseFromFile(environment);
  return passphrase === undefined ? undefined : await unlockWith(client, passphrase);
}

/** @param passphrase UTF-8 bytes, which are overwritten. */
export async function unlockWith(client: Client, passphrase: Buffer): Promise<KeyStatus> {
  return await client.call('key/unlock', { passphrase: inTransit(passphrase) });
}

/** The failure that a store which cannot be read is to a frontend. */
export function refusalOf({ state, reason, hint }: KeyStatus): ProtocolError {
  const kind = state === 'unlocked' ? 'KEY_UNAVAILABLE' : KINDS[state];
  return new ProtocolError(kind, reason === '' ? 'the store cannot be read' : reason, { hint });
}

async function unlock(client: Client, around: Surroundings, key: KeyStatus, asks: boolean): Promise<KeyStatus> {
  const byFile = await unlockFromFile(client, around.environment);
  if (byFile?.state === 'unlocked') return byFile;
  if (byFile !== undefined) {
    throw new ProtocolError('KEY_LOCKED', `the store stays locked: ${byFile.reason}`, {
      hint: 'M_PASSPHRASE_FILE names a file with another passphrase. Correct it, or unset it to be asked.',
    });
  }
  if (!asks) throw refusalOf(key);
  around.stderr.line(harmlessLine(key.reason));
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const answer = await unlockWith(client, await askSecretly(around, 'passphrase: '));
    if (answer.state === 'unlocked') return answer;
    if (!isLockedByPassphrase(answer)) throw refusalOf(answer);
    around.stderr.line(harmlessLine(answer.reason));
  }
  throw new ProtocolError('KEY_LOCKED', 'the store stays locked', { hint: 'Try again when you have the passphrase.' });
}
