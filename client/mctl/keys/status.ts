/** `mctl keys status` */
import { EXIT } from '../../command-line/failure.ts';
import type { Verb } from '../verb.ts';
import { keyText } from './key-text.ts';

export const status: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const client = await context.connect({ onlyLooks: true });
  const key = await client.call('key/status', {});
  context.result(key, keyText(key));
  return key.state === 'unlocked' ? EXIT.ok : EXIT.key;
};
