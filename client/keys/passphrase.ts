/** Passphrases on their way from a person or a file to the daemon. */
import { readPassphraseFile } from '../connection/passphrase-file.ts';
import { askSecretly } from '../command-line/ask.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import { ProtocolError } from '../../protocol/errors.ts';

/** The daemon refuses shorter ones; asked for here, a person hears it before typing it a second time. */
export const SHORTEST_PASSPHRASE_BYTES = 8;
/** How often a person may try. */
export const TRIES = 3;

/**
 * The passphrase of the file that M_PASSPHRASE_FILE names; undefined when it names none.
 * @throws ProtocolError KEY_UNAVAILABLE when it cannot be used.
 */
export function passphraseFromFile(environment: NodeJS.ProcessEnv): Buffer | undefined {
  const path = environment['M_PASSPHRASE_FILE'];
  return path === undefined || path === '' ? undefined : readPassphraseFile(path);
}

/** The form in which it travels. The bytes are overwritten. */
export function inTransit(passphrase: Buffer): string {
  const text = passphrase.toString('base64');
  passphrase.fill(0);
  return text;
}

/**
 * A new passphrase, typed twice.
 * @param purpose what it is for, said first.
 * @throws ProtocolError CANCELLED; KEY_UNAVAILABLE when it was not typed twice alike.
 */
export async function askNewPassphrase(around: Surroundings, purpose: string): Promise<Buffer> {
  around.stderr.line(purpose);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const first = await askSecretly(around, 'new passphrase: ');
    if (first.length < SHORTEST_PASSPHRASE_BYTES) {
      first.fill(0);
      around.stderr.line(`that is too short; use at least ${SHORTEST_PASSPHRASE_BYTES} bytes`);
      continue;
    }
    const second = await askSecretly(around, 'once more: ');
    const isSame = first.equals(second);
    second.fill(0);
    if (isSame) return first;
    first.fill(0);
    around.stderr.line('the two are different');
  }
  throw new ProtocolError('KEY_UNAVAILABLE', 'no passphrase was chosen', { hint: 'Nothing was changed. Try again.' });
}
