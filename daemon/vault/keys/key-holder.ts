/** The keys of a store while it is unlocked: fetched, put away, moved. One of these at a time, in the order asked for. */
import type { KeyProvider, KeyStatus, KeyWish } from '../../../protocol/key.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { refuseOtherProvider, type Custody } from './custody.ts';
import type { StoreKeys } from './store-keys.ts';

export interface KeyHolderParts {
  /** On the open database. @throws a storage error; ProtocolError DRAINING once the vault is closed. */
  readonly custody: () => Custody;
  /** Called with the keys when they have come. @throws ProtocolError DRAINING when the vault was closed meanwhile. */
  readonly onKeys: (keys: StoreKeys) => void;
  /** Called before the keys go. */
  readonly onLock: () => void;
  /** Makes sure that the store can be written. @throws as it cannot. */
  readonly requireWritable: () => void;
}

export class KeyHolder {
  readonly #parts: KeyHolderParts;
  #keys: StoreKeys | undefined;
  #status: KeyStatus | undefined;
  #lockedOnPurpose = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: KeyHolderParts) {
    this.#parts = parts;
  }

  /** Undefined while the store is not unlocked. */
  get keys(): StoreKeys | undefined {
    return this.#keys;
  }

  /** Undefined before the first attempt. */
  get status(): KeyStatus | undefined {
    return this.#status;
  }

  /** A store that was locked on purpose stays so until somebody asks for it to be unlocked. */
  async open(wish: KeyWish): Promise<KeyStatus> {
    return await this.#inOrder(() => {
      const known = this.#unlocked(wish);
      if (known !== undefined) return Promise.resolve(known);
      if (this.#lockedOnPurpose && this.#status !== undefined) return Promise.resolve(this.#status);
      return this.#fetch(wish);
    });
  }

  /**
   * @param passphrase UTF-8 bytes, overwritten here. One that is brought is always compared with that of the store: who
   * gave it must not believe that it opens what somebody else created with another.
   * @throws ProtocolError CONFLICT when it is another one.
   */
  async unlock(wish: KeyWish, passphrase: Buffer | undefined): Promise<KeyStatus> {
    return await this.#withPassphrase(passphrase, async () => {
      const known = this.#unlocked(wish);
      if (known === undefined) {
        this.#lockedOnPurpose = false;
        return await this.#fetch(wish, passphrase);
      }
      const isTheOne = passphrase === undefined || known.provider !== 'passphrase' || (await this.#fits(passphrase));
      if (isTheOne) return known;
      throw new ProtocolError('CONFLICT', 'the store is unlocked, and this is not its passphrase', {
        hint: 'Another terminal may have created it with another one just now.',
      });
    });
  }

  /** @throws ProtocolError KEY_LOCKED when it is not unlocked. */
  async lock(): Promise<KeyStatus> {
    return await this.#inOrder(() => {
      if (this.#keys === undefined) throw new ProtocolError('KEY_LOCKED', 'the store is not unlocked');
      this.#parts.onLock();
      this.#keys = undefined;
      this.#lockedOnPurpose = true;
      this.#status = this.#parts.custody().locked();
      return Promise.resolve(this.#status);
    });
  }

  /**
   * @param passphrase the new one, as UTF-8 bytes, overwritten here.
   * @throws ProtocolError KEY_UNAVAILABLE, CONFLICT; nothing has changed then.
   */
  async move(to: KeyProvider, wish: KeyWish, passphrase: Buffer | undefined): Promise<KeyStatus> {
    return await this.#withPassphrase(passphrase, async () => {
      this.#parts.requireWritable();
      const keys = this.#keys;
      if (keys === undefined) throw new ProtocolError('KEY_LOCKED', 'the store is not unlocked');
      this.#status = await this.#parts.custody().move(keys, to, wish, passphrase);
      // What was left behind is said once.
      const status = this.#status;
      this.#status = { ...status, reason: '', hint: '' };
      return status;
    });
  }

  /** The keys are gone for good. */
  forget(): void {
    this.#keys = undefined;
  }

  async #fetch(wish: KeyWish, passphrase?: Buffer): Promise<KeyStatus> {
    const { status, keys } = await this.#parts.custody().open(wish, passphrase);
    if (keys !== undefined) {
      this.#parts.onKeys(keys);
      this.#keys = keys;
    }
    this.#status = status;
    return status;
  }

  #fits(passphrase: Buffer): Promise<boolean> {
    return this.#parts.custody().fits(passphrase);
  }

  /** @throws ProtocolError KEY_MISMATCH */
  #unlocked(wish: KeyWish): KeyStatus | undefined {
    if (this.#keys === undefined || this.#status === undefined) return undefined;
    refuseOtherProvider(this.#status.provider, wish);
    return this.#status;
  }

  async #withPassphrase<T>(passphrase: Buffer | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#inOrder(work);
    } finally {
      passphrase?.fill(0);
    }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
