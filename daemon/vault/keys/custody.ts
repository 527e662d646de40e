/** Who keeps the key of this store, and whether it is at hand: opening, unlocking, locking, and moving it elsewhere. */
import type { KeyProvider, KeyStatus, KeyWish } from '../../../protocol/key.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { Db } from '../database.ts';
import { FileKeeper } from './file-keeper.ts';
import { isRefusal, refusal, type Keeper, type Refusal } from './keeper.ts';
import { keyFileOf } from './key-file.ts';
import { KeySlots, type Slot } from './key-slots.ts';
import { KeychainKeeper } from './keychain-keeper.ts';
import { callKeychain } from './keychain.ts';
import { PassphraseKeeper } from './passphrase-keeper.ts';
import type { StoreKeys } from './store-keys.ts';

export interface CustodyResult {
  readonly status: KeyStatus;
  /** Set when the state is `unlocked`. */
  readonly keys: StoreKeys | undefined;
}

/** Said of a key file that was there before its store: perhaps that of a store that is gone. */
const ADOPTED = {
  reason: 'a new store was made with the key file that was there',
  hint: 'If there was a store before, it is gone: stop the daemon and restore it from a backup.',
};

const NOT_CREATED = refusal('none', 'the store has not been created yet', 'Any conversation creates it.');

export class Custody {
  readonly #slots: KeySlots;
  readonly #dataDirectory: string;
  readonly #keychain: typeof callKeychain;

  constructor(db: Db, dataDirectory: string, keychain = callKeychain) {
    this.#slots = new KeySlots(db);
    this.#dataDirectory = dataDirectory;
    this.#keychain = keychain;
  }

  /** Who keeps the key of this store; undefined while it has none. */
  get provider(): KeyProvider | undefined {
    return this.#slots.read()?.provider;
  }

  identity(): ReturnType<KeySlots['identity']> {
    return this.#slots.identity();
  }

  /**
   * Finds the key where the store says it is, or makes one when the store is provably new.
   * @param passphrase UTF-8 bytes; the caller overwrites them.
   * @throws ProtocolError KEY_MISMATCH when another provider is wished for than the store was made with; TAMPERED when
   * there is data and no record of its key.
   */
  async open(wish: KeyWish, passphrase?: Buffer): Promise<CustodyResult> {
    const slot = this.#slots.read();
    if (slot === undefined) return await this.#create(wish, passphrase);
    refuseOtherProvider(slot.provider, wish);
    const keeper = this.#keeper(slot.provider, wish, slot.parameters, passphrase);
    return await this.#openSlot(slot, keeper, passphrase !== undefined);
  }

  /**
   * Keeps the key elsewhere from now on. The data is not touched: the store key is wrapped anew.
   * @throws ProtocolError KEY_UNAVAILABLE when the new keeper does not take it; nothing has changed then.
   */
  async move(keys: StoreKeys, to: KeyProvider, wish: KeyWish, passphrase?: Buffer): Promise<KeyStatus> {
    const slot = this.#slots.read();
    if (slot === undefined) throw new ProtocolError('KEY_UNAVAILABLE', 'the store has no key yet');
    if (slot.provider === to && to !== 'passphrase') {
      throw new ProtocolError('CONFLICT', `the key is kept in the ${to} already`);
    }
    const keeper = this.#keeper(to, wish, undefined, passphrase);
    const made = await keeper.make();
    if (isRefusal(made)) {
      throw new ProtocolError('KEY_UNAVAILABLE', `the key was not moved: ${made.reason}`, { hint: made.hint });
    }
    this.#slots.replace(keys, to, made, keeper.parameters);
    const status = this.#unlocked(to, false);
    const left = await this.#keeper(slot.provider, wish, slot.parameters, undefined).remove();
    if (left === undefined) return status;
    return {
      ...status,
      reason: `the key was moved, but ${left}`,
      hint: 'It opens nothing any more. Remove it yourself.',
    };
  }

  /**
   * Whether a passphrase is that of this store.
   * @param passphrase UTF-8 bytes; the caller overwrites them.
   */
  async fits(passphrase: Buffer): Promise<boolean> {
    const slot = this.#slots.read();
    if (slot?.provider !== 'passphrase') return false;
    const found = await new PassphraseKeeper(slot.parameters, passphrase).find();
    return !isRefusal(found) && this.#slots.open(slot, found) !== undefined;
  }

  /** The status of a store whose key was put away on purpose. */
  locked(): KeyStatus {
    const provider = this.#slots.read()?.provider ?? null;
    return this.#refused(provider, refusal('locked', 'the store was locked', 'Unlock it: mctl keys unlock')).status;
  }

  async #openSlot(slot: Slot, keeper: Keeper, guessed: boolean): Promise<CustodyResult> {
    const found = await keeper.find();
    if (isRefusal(found)) return this.#refused(slot.provider, found);
    const keys = this.#slots.open(slot, found);
    if (keys !== undefined) return { status: this.#unlocked(slot.provider, false), keys };
    if (guessed) return this.#refused(slot.provider, refusal('locked', 'this is not the passphrase', 'Try again.'));
    return this.#refused(
      slot.provider,
      refusal(
        'denied',
        `the ${slot.provider} holds another key (${found.keyId}) than the one this store was made with (${slot.keyId})`,
        'Put the right key back. Nothing was changed, and nothing can be read without it.',
      ),
    );
  }

  async #create(wish: KeyWish, passphrase: Buffer | undefined): Promise<CustodyResult> {
    if (!this.#slots.isEmpty()) {
      throw new ProtocolError('TAMPERED', 'the store holds data, but the record of its key is gone', {
        hint: 'Restore the store from a backup. No new key is made, since it could not read what is there.',
      });
    }
    if (wish.create === false) return this.#refused(null, NOT_CREATED);
    const wanted = wish.provider ?? 'keychain';
    const made = await this.#createWith(wanted, wish, passphrase);
    if ('status' in made) return made;
    const isOpen = made.unreachable && wish.provider === undefined;
    if (isOpen && wish.allowKeyfile === true) {
      const instead = await this.#createWith('keyfile', wish, undefined);
      return 'status' in instead ? instead : this.#refused(null, instead);
    }
    return this.#refused(
      null,
      made,
      wanted === 'passphrase' ? ['passphrase'] : isOpen ? ['keyfile', 'passphrase'] : [],
    );
  }

  async #createWith(
    provider: KeyProvider,
    wish: KeyWish,
    passphrase: Buffer | undefined,
  ): Promise<CustodyResult | Refusal> {
    const keeper = this.#keeper(provider, wish, undefined, passphrase);
    const made = await keeper.make();
    if (isRefusal(made)) return made;
    const keys = this.#slots.create(provider, made, keeper.parameters);
    const status = this.#unlocked(provider, true);
    return { status: keeper.hasAdopted === true ? { ...status, ...ADOPTED } : status, keys };
  }

  #keeper(
    provider: KeyProvider,
    wish: KeyWish,
    parameters: string | undefined,
    passphrase: Buffer | undefined,
  ): Keeper {
    switch (provider) {
      case 'keychain':
        return new KeychainKeeper(this.#slots.identity().id, wish, this.#keychain);
      case 'keyfile':
        return new FileKeeper(keyFileOf(this.#dataDirectory));
      case 'passphrase':
        return new PassphraseKeeper(parameters, passphrase);
    }
  }

  #unlocked(provider: KeyProvider, created: boolean): KeyStatus {
    return { state: 'unlocked', provider, reason: '', hint: '', keyFile: this.#keyFile(provider), created };
  }

  #refused(provider: KeyProvider | null, { state, reason, hint }: Refusal, choices: KeyProvider[] = []): CustodyResult {
    const status = { state, provider, reason, hint, keyFile: this.#keyFile(provider), created: false, choices };
    return { status, keys: undefined };
  }

  #keyFile(provider: KeyProvider | null): string | null {
    return provider === 'keyfile' ? keyFileOf(this.#dataDirectory) : null;
  }
}

/** @throws ProtocolError KEY_MISMATCH */
export function refuseOtherProvider(provider: KeyProvider | null, wish: KeyWish): void {
  if (wish.provider === undefined || provider === null || wish.provider === provider) return;
  throw new ProtocolError(
    'KEY_MISMATCH',
    `the key of this store is kept by another keeper (${provider}) than M_KEY_PROVIDER says (${wish.provider})`,
    { hint: `Unset M_KEY_PROVIDER, or set it to ${provider}. \`mctl keys move\` changes the keeper.` },
  );
}
