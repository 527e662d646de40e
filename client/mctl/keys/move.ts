/** `mctl keys move` */
import { canAsk } from '../../command-line/ask.ts';
import { usageError } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { readPassphraseFile } from '../../connection/passphrase-file.ts';
import { askNewPassphrase, inTransit, passphraseFromFile } from '../../keys/passphrase.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { KeyProvider, KeyStatus } from '../../../protocol/key.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { WHERE } from './key-text.ts';

interface MoveOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly file?: string;
}

/** What a person has to know before the key is kept there. */
const MEANS: Readonly<Record<KeyProvider, string>> = {
  keychain: 'The key will be in the keychain of this user: whoever can use that can read\neverything.',
  keyfile:
    'The key will be in a file of mode 0600 beside the data: whoever copies the data\n' +
    'directory, a thief of the disk or of a backup included, can read everything.',
  passphrase:
    'The key will be made from a passphrase, which is stored nowhere: a forgotten one\n' +
    'cannot be recovered, and neither can the data. After each start of the daemon\n' +
    'nothing is read or sent before somebody has given it.',
};
const OLD_COPIES =
  'The key is removed from where it is now: copies of the store from before the\n' + 'move can then no longer be read.';

export const move: Verb<MoveOptions> = async ({ context, args, options }) => {
  const to = readKeeper(args[0] ?? '');
  if (options.file !== undefined && to !== 'passphrase') throw usageError('--file is for a new passphrase');
  const client = await context.connectUnlocked();
  const before = await client.call('key/status', {});
  if (before.provider === to && to !== 'passphrase') {
    throw new ProtocolError('CONFLICT', `the key is ${WHERE[to]} already`);
  }
  if (options.yes !== true) for (const line of [MEANS[to], OLD_COPIES]) context.stderr.line(line);
  await context.confirm(question(before, to), options.yes === true);
  const passphrase = to === 'passphrase' ? await newPassphrase(context, before, options.file) : undefined;
  const key = await client.call('key/move', {
    to,
    ...(passphrase === undefined ? {} : { passphrase: inTransit(passphrase) }),
  });
  tell(context, key, to);
};

function readKeeper(word: string): KeyProvider {
  if (Object.hasOwn(WHERE, word)) return word as KeyProvider;
  throw usageError(`${word} is no keeper of keys`, `Name one of ${Object.keys(WHERE).join(', ')}.`);
}

function question({ provider }: KeyStatus, to: KeyProvider): string {
  if (provider === to) return 'replace the passphrase by another one';
  return `move the key, which is ${WHERE[provider ?? 'keychain']}, so that it is ${WHERE[to]}`;
}

/** @throws ProtocolError KEY_UNAVAILABLE when there is no file and nobody to ask. */
async function newPassphrase(context: MctlContext, before: KeyStatus, file: string | undefined): Promise<Buffer> {
  if (file !== undefined) return readPassphraseFile(file);
  const { around } = context;
  // The file of a store that has a passphrase holds the present one.
  const fromFile = before.provider === 'passphrase' ? undefined : passphraseFromFile(around.environment);
  if (fromFile !== undefined) return fromFile;
  if (canAsk(around)) return await askNewPassphrase(around, 'It is asked for after each start of the daemon.');
  throw new ProtocolError('KEY_UNAVAILABLE', 'there is no new passphrase, and nobody to be asked for one', {
    hint: 'Name a file of mode 0600 that holds it: mctl keys move passphrase --file FILE',
  });
}

function tell(context: MctlContext, key: KeyStatus, to: KeyProvider): void {
  context.result(key, `the key is now ${WHERE[to]}${key.keyFile === null ? '' : `: ${key.keyFile}`}`);
  for (const line of [key.reason, key.hint]) if (line !== '') context.stderr.line(`mctl: ${harmlessLine(line)}`);
  const wanted = context.around.environment['M_KEY_PROVIDER'];
  if (wanted === undefined || wanted === '' || wanted === to) return;
  context.stderr.line(`mctl: M_KEY_PROVIDER is ${wanted} in this shell; unset it, or set it to ${to}`);
}
