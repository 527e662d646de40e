/** `mctl keys unlock` */
import { isLockedByPassphrase, openStore, refusalOf } from '../../keys/open-store.ts';
import type { Client } from '../../connection/api.ts';
import type { KeyStatus } from '../../../protocol/key.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { keyText } from './key-text.ts';

export const unlock: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const client = await context.connect({ onlyLooks: true });
  // What is asked next may itself have opened it.
  const wasOpen = client.daemon.key === 'unlocked';
  const before = await client.call('key/status', {});
  const key = before.state === 'unlocked' ? before : await open(context, client, before);
  const sentence = wasOpen ? 'the store was unlocked already' : 'the store is unlocked';
  context.result(key, `${sentence}\n${keyText(key)}`);
};

/** @throws ProtocolError KEY_LOCKED, KEY_DENIED, KEY_UNAVAILABLE when it stays as it is. */
async function open(context: MctlContext, client: Client, before: KeyStatus): Promise<KeyStatus> {
  // There is nothing to unlock, and whoever only unlocks has not chosen a keeper.
  if (before.state === 'none') throw refusalOf(before);
  if (isLockedByPassphrase(before)) return await openStore(client, context.around);
  const key = await client.call('key/unlock', {});
  if (key.state === 'unlocked') return key;
  throw refusalOf(key);
}
