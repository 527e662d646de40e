/** `mctl keys status` */
import { EXIT } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import type { KeyStatus } from '../../../protocol/key.ts';
import type { Verb } from '../verb.ts';

const WHERE: Record<NonNullable<KeyStatus['provider']>, string> = {
  keychain: 'in the keychain of the system',
  keyfile: 'in a key file',
  passphrase: 'behind a passphrase',
};

export const status: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const client = await context.connect();
  const key = await client.call('key/status', {});
  context.result(key, keyText(key));
  return key.state === 'unlocked' ? EXIT.ok : EXIT.key;
};

function keyText(key: KeyStatus): string {
  const where = key.provider === null ? 'there is no key yet' : WHERE[key.provider];
  const file = key.keyFile === null ? '' : `: ${harmlessLine(key.keyFile)}`;
  const lines = [`state     ${key.state}`, `provider  ${key.provider ?? 'none'} (${where}${file})`];
  if (key.reason !== '') lines.push(`reason    ${harmlessLine(key.reason)}`);
  if (key.hint !== '') lines.push(`hint      ${harmlessLine(key.hint)}`);
  return lines.join('\n');
}
