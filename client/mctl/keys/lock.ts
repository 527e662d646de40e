/** `mctl keys lock` */
import { refusalOf } from '../../keys/open-store.ts';
import type { KeyProvider } from '../../../protocol/key.ts';
import type { Verb } from '../verb.ts';

const OPENS_AGAIN: Readonly<Record<KeyProvider, string>> = {
  passphrase: '`mctl keys unlock`, or any m on a terminal, asks for the passphrase',
  keychain: '`mctl keys unlock` opens it again, and so does the next start of the daemon',
  keyfile: '`mctl keys unlock` opens it again, and so does the next start of the daemon',
};

export const lock: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const client = await context.connect({ onlyLooks: true });
  const before = await client.call('key/status', {});
  if (before.state === 'none' || before.state === 'denied') throw refusalOf(before);
  const key = before.state === 'locked' ? before : await client.call('key/lock', {});
  const sentence = before.state === 'locked' ? 'the store was locked already' : 'the store is locked';
  context.result(key, `${sentence}; ${OPENS_AGAIN[key.provider ?? 'keychain']}`);
};
