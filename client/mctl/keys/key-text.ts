/** The status of the key as a person reads it. */
import { harmlessLine } from '../../command-line/harmless-text.ts';
import type { KeyProvider, KeyStatus } from '../../../protocol/key.ts';

export const WHERE: Readonly<Record<KeyProvider, string>> = {
  keychain: 'in the keychain of the system',
  keyfile: 'in a key file',
  passphrase: 'behind a passphrase',
};

export function keyText(key: KeyStatus): string {
  const where = key.provider === null ? 'there is no key yet' : WHERE[key.provider];
  const file = key.keyFile === null ? '' : `: ${harmlessLine(key.keyFile)}`;
  const lines = [`state     ${key.state}`, `provider  ${key.provider ?? 'none'} (${where}${file})`];
  if (key.reason !== '') lines.push(`reason    ${harmlessLine(key.reason)}`);
  if (key.hint !== '') lines.push(`hint      ${harmlessLine(key.hint)}`);
  return lines.join('\n');
}
