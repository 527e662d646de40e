/** Keeps the root key in the OS keychain. */
import type { KeyWish } from '../../../protocol/key.ts';
import { isRefusal, refusal, unreadable, type Keeper, type Refusal } from './keeper.ts';
import { generateRootKey, parseRootKey, type RootKey } from './key-text.ts';
import { keychainAccount, type KeychainAnswer, type callKeychain } from './keychain.ts';

const CREATE_HINT =
  'Start a keychain (on Linux a Secret Service such as gnome-keyring), or choose another keeper: ' +
  'M_KEY_PROVIDER=passphrase or M_KEY_PROVIDER=keyfile.';

export class KeychainKeeper implements Keeper {
  readonly parameters = '{}';
  readonly #keychain: typeof callKeychain;
  readonly #account: string;
  readonly #wish: KeyWish;

  constructor(storeId: string, wish: KeyWish, keychain: typeof callKeychain) {
    this.#account = keychainAccount(storeId);
    this.#wish = wish;
    this.#keychain = keychain;
  }

  async find(): Promise<RootKey | Refusal> {
    const answer = await this.#ask('get');
    if (answer.kind === 'FOUND') return parse(answer.secret, 'denied');
    if (answer.kind !== 'ABSENT') return refusalOf(answer, answer.kind === 'LOCKED' ? 'locked' : 'denied');
    return refusal(
      'denied',
      'the keychain has no key for this store',
      `It may be another keychain than before. Restore the item "${this.#account}"; no new key is made while there is data.`,
    );
  }

  /** An answer of "absent" proves nothing by itself: a keychain without a collection gives it too. The key read back does. */
  async make(): Promise<RootKey | Refusal> {
    const existing = await this.#ask('get');
    if (existing.kind === 'FOUND') return parse(existing.secret, 'none');
    if (existing.kind !== 'ABSENT') return refusalOf(existing, 'none');
    const { root, text } = generateRootKey();
    const written = await this.#ask('set', text);
    text.fill(0);
    if (written.kind !== 'DONE') return refusalOf(written, 'none');
    const readBack = await this.#ask('get');
    const stored = readBack.kind === 'FOUND' ? parse(readBack.secret, 'none') : undefined;
    if (stored !== undefined && !isRefusal(stored) && stored.key.equals(root.key)) return stored;
    return refusal('none', 'the keychain did not give back the key that was just stored in it', CREATE_HINT);
  }

  async remove(): Promise<void> {
    await this.#ask('delete');
  }

  #ask(operation: 'get' | 'set' | 'delete', secret?: Buffer): Promise<KeychainAnswer> {
    return this.#keychain({
      operation,
      account: this.#account,
      environment: this.#wish.environment ?? {},
      interactive: this.#wish.interactive === true,
      ...(secret === undefined ? {} : { secret }),
    });
  }
}

function parse(secret: Buffer, state: Refusal['state']): RootKey | Refusal {
  try {
    return parseRootKey(secret);
  } catch (error) {
    return unreadable(state, error);
  } finally {
    secret.fill(0);
  }
}

function refusalOf(answer: KeychainAnswer, state: Refusal['state']): Refusal {
  switch (answer.kind) {
    case 'LOCKED':
      return refusal(state, 'the keychain is locked', 'Unlock it and try again.');
    case 'DENIED':
      return refusal(state, 'the keychain denied access to the key', 'Allow access to the item and try again.');
    case 'TIMEOUT':
      return refusal(
        state,
        `the keychain did not answer (${answer.detail})`,
        'See whether it waits for a person or hangs, and try again.',
      );
    case 'AMBIGUOUS':
      return refusal(
        state,
        'the keychain holds more than one key for this store',
        'Remove the wrong item; keep a copy.',
      );
    case 'CORRUPT':
      return refusal(state, 'the keychain holds something else in place of the key', 'Restore the item from a backup.');
    case 'UNAVAILABLE':
    case 'ABSENT':
    case 'FOUND':
    case 'DONE':
      return refusal(
        state,
        'no keychain can be reached',
        state === 'none' ? CREATE_HINT : 'Start the keychain that this store was made with, and try again.',
        true,
      );
  }
}
