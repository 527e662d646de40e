/** Keeps the root key in the OS keychain. */
import type { KeyWish } from '../../../protocol/key.ts';
import { isRefusal, refusal, unreadable, type Keeper, type Refusal } from './keeper.ts';
import { generateRootKey, parseRootKey, type RootKey } from './key-text.ts';
import { keychainAccount, keychainDeadline, type KeychainAnswer, type callKeychain } from './keychain.ts';

const OTHER_KEEPERS = 'choose another keeper: M_KEY_PROVIDER=passphrase or M_KEY_PROVIDER=keyfile';
/** Calls of the longest undertaking: look, write, read back. */
const CALLS = 3;

export class KeychainKeeper implements Keeper {
  readonly parameters = '{}';
  readonly #keychain: typeof callKeychain;
  readonly #account: string;
  readonly #wish: KeyWish;
  /** When everything has to be over, on the clock of `performance`: several calls do not add up their prompts. */
  readonly #end: number;

  constructor(storeId: string, wish: KeyWish, keychain: typeof callKeychain) {
    this.#account = keychainAccount(storeId);
    this.#wish = wish;
    this.#keychain = keychain;
    const interactive = wish.interactive === true;
    this.#end = performance.now() + keychainDeadline(interactive) * (interactive ? 1 : CALLS);
  }

  async find(): Promise<RootKey | Refusal> {
    const answer = await this.#ask('get');
    if (answer.kind === 'FOUND') return parse(answer.secret, 'denied');
    if (answer.kind !== 'ABSENT') return refusalOf(answer, answer.kind === 'LOCKED' ? 'locked' : 'denied');
    return refusal(
      'denied',
      'the keychain has no key for this store',
      'It may be another keychain than before, or a locked one that does not show what it holds. ' +
        `Restore the item "${this.#account}"; no new key is made while there is data.`,
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
    const readBack = await this.#ask('get');
    const stored = readBack.kind === 'FOUND' ? parse(readBack.secret, 'none') : undefined;
    if (stored !== undefined && !isRefusal(stored) && stored.key.equals(root.key)) return stored;
    if (written.kind === 'DONE') {
      return refusal(
        'none',
        'the keychain did not give back the key that was just stored in it',
        `Try again, or ${OTHER_KEEPERS}.`,
      );
    }
    // Only when nothing was left there by the attempt can the key be kept elsewhere without a second one in the keychain.
    const refused = refusalOf(written, 'none');
    return { ...refused, unreachable: refused.unreachable && readBack.kind === 'ABSENT' };
  }

  async remove(): Promise<string | undefined> {
    const { kind } = await this.#ask('delete');
    if (kind === 'DONE' || kind === 'ABSENT') return undefined;
    return `the item "${this.#account}" could not be removed from the keychain`;
  }

  #ask(operation: 'get' | 'set' | 'delete', secret?: Buffer): Promise<KeychainAnswer> {
    const oneCall = keychainDeadline(this.#wish.interactive === true);
    const left = this.#end - performance.now();
    if (left <= 0) return Promise.resolve({ kind: 'TIMEOUT', detail: 'the time for it is over' });
    return this.#keychain({
      operation,
      account: this.#account,
      environment: this.#wish.environment ?? {},
      deadlineMs: Math.min(oneCall, left),
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

const REASONS: Record<Exclude<KeychainAnswer['kind'], 'FOUND' | 'DONE' | 'ABSENT'>, readonly [string, string]> = {
  LOCKED: ['the keychain is locked', 'Unlock it and try again: mctl keys unlock'],
  DENIED: ['the keychain denied access to the key', 'Allow access to the item and try again: mctl keys unlock'],
  TIMEOUT: [
    'the keychain did not answer',
    'See whether it waits for a person or hangs, and try again: mctl keys unlock',
  ],
  AMBIGUOUS: ['the keychain holds more than one key for this store', 'Keep a copy, and remove the wrong item.'],
  CORRUPT: ['the keychain holds something else in place of the key', 'Restore the item from a backup.'],
  UNAVAILABLE: ['no keychain can be reached', 'Start the keychain that this store was made with, and try again.'],
};

/** Answers after which another keeper may be what a person wants for a new store. */
const KEEPER_FAILS: ReadonlySet<KeychainAnswer['kind']> = new Set(['LOCKED', 'TIMEOUT', 'DENIED']);

function refusalOf(answer: KeychainAnswer, state: Refusal['state']): Refusal {
  const kind = answer.kind in REASONS ? (answer.kind as keyof typeof REASONS) : 'UNAVAILABLE';
  const [reason, hint] = REASONS[kind];
  const detail = 'detail' in answer && answer.detail !== '' ? `${reason}: ${answer.detail}` : reason;
  const isNew = state === 'none';
  if (isNew && kind === 'UNAVAILABLE') {
    const start = `Start a keychain (on Linux a Secret Service such as gnome-keyring), or ${OTHER_KEEPERS}.`;
    return refusal(state, detail, start, true);
  }
  const alternative = isNew && KEEPER_FAILS.has(kind) ? `. Or ${OTHER_KEEPERS}.` : '';
  return refusal(state, detail, `${hint}${alternative}`, kind === 'UNAVAILABLE');
}
