/** The first use of a store whose keeper a person has to choose or to provide for. */
import { ask } from '../command-line/ask.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import type { Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyProvider, KeyStatus } from '../../protocol/key.ts';
import { TRIES, askNewPassphrase, inTransit, passphraseFromFile } from './passphrase.ts';

const MEANINGS: Partial<Record<KeyProvider, string>> = {
  keyfile:
    'a key file beside the data, mode 0600\n' +
    '     a leaked copy of the database stays closed; whoever copies the whole\n' +
    '     directory can read everything',
  passphrase:
    'a passphrase, asked for after each start of the daemon\n' +
    '     a stolen disk stays closed; a forgotten passphrase cannot be recovered,\n' +
    '     and neither can the data',
};

const PURPOSE =
  'Everything that m stores is encrypted with a key made from this passphrase.\n' +
  'It is asked for after each start of the daemon. It is stored nowhere and\n' +
  'cannot be recovered: without it nothing can be read again.';

/**
 * Creates the store with the keeper that `M_KEY_PROVIDER` names, or that the person chooses.
 * @param key the status that says what can be chosen.
 * @param asks whether a person can be asked.
 * @throws ProtocolError KEY_UNAVAILABLE with the remedy when nobody can be asked; CANCELLED when the person stops; CONFLICT
 * when somebody else made another choice meanwhile.
 */
export async function createStore(
  client: Client,
  around: Surroundings,
  key: KeyStatus,
  asks: boolean,
): Promise<KeyStatus> {
  const choices = key.choices ?? [];
  const [only] = choices;
  const provider = choices.length === 1 && only !== undefined ? only : await choose(around, key, choices, asks);
  if (provider !== 'passphrase') return await unlockFirst(client, around, { provider });
  const passphrase = passphraseFromFile(around.environment);
  if (passphrase === undefined && !asks) throw refused(key);
  const chosen = passphrase ?? (await askNewPassphrase(around, PURPOSE));
  return await unlockFirst(client, around, { provider, passphrase: inTransit(chosen) });
}

/** Of two people, or terminals, that choose at once, the second one finds a store. */
async function unlockFirst(
  client: Client,
  { environment }: Surroundings,
  choice: { readonly provider: KeyProvider; readonly passphrase?: string },
): Promise<KeyStatus> {
  try {
    return await client.call('key/unlock', choice);
  } catch (error) {
    const isChosenHere = !environment['M_KEY_PROVIDER'];
    if (!(error instanceof ProtocolError) || error.kind !== 'KEY_MISMATCH' || !isChosenHere) throw error;
    throw new ProtocolError('CONFLICT', 'meanwhile the store was made elsewhere, with another keeper of the key', {
      hint: 'Your choice was not needed. Start again to use that store; `mctl keys move` changes the keeper.',
    });
  }
}

async function choose(
  around: Surroundings,
  key: KeyStatus,
  choices: readonly KeyProvider[],
  asks: boolean,
): Promise<KeyProvider> {
  if (!asks) throw refused(key);
  const { stderr } = around;
  stderr.line(`${harmlessLine(key.reason)}.\nWhere is the key of your sessions to be kept?`);
  for (const [index, provider] of choices.entries()) stderr.line(`  ${index + 1}) ${MEANINGS[provider] ?? provider}`);
  stderr.line(`  ${choices.length + 1}) nowhere: stop here, and start a keychain first`);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const answer = (await ask(around, `1–${choices.length + 1}: `)).trim();
    const chosen = choices[Number(answer) - 1];
    if (chosen !== undefined) return chosen;
    if (answer === '' || Number(answer) === choices.length + 1) break;
  }
  throw new ProtocolError('CANCELLED', 'no store was created', { hint: key.hint });
}

function refused({ reason, hint }: KeyStatus): ProtocolError {
  return new ProtocolError('KEY_UNAVAILABLE', reason, { hint });
}
