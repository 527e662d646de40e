/** What a person has to know about where the key is. */
import type { KeyStatus } from '../../protocol/key.ts';

/** Undefined when there is nothing to know: the key is in the keychain, or behind a passphrase that was just given. */
export function keyNote(key: KeyStatus, environment: NodeJS.ProcessEnv): string | undefined {
  if (key.provider === 'passphrase' && key.created)
    return 'key: behind your passphrase; without it nothing can be read, and nobody can restore it';
  if (key.provider !== 'keyfile') return undefined;
  const why = environment['M_KEY_PROVIDER'] === 'keyfile' ? '' : ', since no keychain could be reached';
  const made = key.reason === '' ? `a key file was made${why}` : key.reason;
  const what = key.created ? made : 'a key file is in use';
  return `key: ${what}: ${key.keyFile ?? 'its path is unknown'}`;
}
