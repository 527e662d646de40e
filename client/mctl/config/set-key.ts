/** `mctl config set-key` */
import { text } from 'node:stream/consumers';
import { askSecretly } from '../../command-line/ask.ts';
import { usageError } from '../../command-line/failure.ts';
import type { Surroundings } from '../../command-line/surroundings.ts';
import type { Verb } from '../verb.ts';

export const setKey: Verb<{ readonly json?: boolean; readonly remove?: boolean }> = async ({
  context,
  args,
  options,
}) => {
  const [provider = ''] = args;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(provider)) throw usageError(`${provider} is not the name of a provider`);
  const key = options.remove === true ? null : await readKey(context.around, provider);
  const client = await context.connectUnlocked();
  await client.call('provider/set-key', { provider, key });
  context.result(
    { provider, stored: key !== null },
    key === null ? `the key of ${provider} is removed` : `the key of ${provider} is stored, encrypted`,
  );
};

/** @throws ProtocolError INVALID_PARAMS when there is none. */
async function readKey(around: Surroundings, provider: string): Promise<string> {
  const isTyped = around.stdin.isTTY === true;
  const given = isTyped ? await askSecretly(around, `API key of ${provider}: `) : await text(around.stdin);
  const key = given.toString('utf8').trim();
  if (key !== '' && !/\s/.test(key)) return key;
  throw usageError(
    key === '' ? 'no key was given' : 'a key is one word',
    `Give it on standard input: mctl config set-key ${provider} < file`,
  );
}
