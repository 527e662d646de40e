/** The key of the store, as every frontend meets it first. */
import type { Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyStatus } from '../../protocol/key.ts';

const KINDS = { locked: 'KEY_LOCKED', denied: 'KEY_DENIED', none: 'KEY_UNAVAILABLE' } as const;

/**
 * Opens the store.
 * @throws ProtocolError KEY_LOCKED, KEY_DENIED or KEY_UNAVAILABLE when it cannot be read, with the remedy.
 */
export async function unlockedKey(client: Client): Promise<KeyStatus> {
  const key = await client.call('key/status', {});
  if (key.state === 'unlocked') return key;
  const reason = key.reason === '' ? 'the store cannot be read' : key.reason;
  throw new ProtocolError(KINDS[key.state], reason, { hint: key.hint });
}

/** What a person has to know about where the key is; undefined when it is in the keychain. */
export function keyNote(key: KeyStatus, environment: NodeJS.ProcessEnv): string | undefined {
  if (key.provider !== 'keyfile') return undefined;
  const why = environment['M_KEY_PROVIDER'] === 'keyfile' ? '' : ', since no keychain could be reached';
  const what = key.created ? `a key file was made${why}` : 'a key file is in use';
  return `key: ${what}: ${key.keyFile ?? 'its path is unknown'}`;
}
