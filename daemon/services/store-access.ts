/** Opens the store when somebody needs it, and says why when it cannot be opened. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyProvider, KeyStatus, KeyWish } from '../../protocol/key.ts';
import type { OpenResult, StoreIdentity, VaultPort } from './ports.ts';

export interface StoreAccessParts {
  readonly vault: VaultPort;
  /** Called once, when the store can be read; what it returns must be over before the first request is served. */
  readonly onOpened: (store: StoreIdentity) => Promise<void>;
}

const NOT_OPENED: KeyStatus = {
  state: 'none',
  provider: null,
  reason: 'the store has not been opened yet',
  hint: '',
  keyFile: null,
  created: false,
};

export class StoreAccess {
  readonly #parts: StoreAccessParts;
  #status: KeyStatus = NOT_OPENED;
  #identity: StoreIdentity | null = null;
  #attempt: Promise<void> | undefined;
  #failure: ProtocolError | undefined;

  constructor(parts: StoreAccessParts) {
    this.#parts = parts;
  }

  get status(): KeyStatus {
    return this.#status;
  }

  get identity(): StoreIdentity | null {
    return this.#identity;
  }

  /** A client has come with its wish: tries to open what is not open yet. Never throws. */
  wish(wish: KeyWish): void {
    if (this.#status.state !== 'unlocked') this.#open(wish);
  }

  /**
   * Where the key is, after the attempt that runs or one that begins now.
   * @throws ProtocolError KEY_MISMATCH and what keeps a store from being opened at all.
   */
  async open(wish: KeyWish): Promise<KeyStatus> {
    this.wish(wish);
    await this.#attempt;
    if (this.#failure !== undefined) throw this.#failure;
    this.refuseOtherProvider(wish);
    const status = this.#status;
    // That a key was made is news once; who comes later is told only where it is.
    if (status.created) this.#status = { ...status, created: false };
    return status;
  }

  /**
   * Opens what a passphrase or a person's word opens.
   * @param passphrase base64 of its UTF-8 bytes.
   */
  async unlock(wish: KeyWish, passphrase: string | undefined): Promise<KeyStatus> {
    await this.#attempt;
    await this.#took(await lend(passphrase, (bytes) => this.#parts.vault.unlock(wish, bytes)));
    return this.#status;
  }

  /** Puts the key away. */
  async lock(): Promise<KeyStatus> {
    await this.#took(await this.#parts.vault.lock());
    return this.#status;
  }

  /** @throws ProtocolError KEY_UNAVAILABLE, CONFLICT; nothing has changed then. */
  async move(to: KeyProvider, wish: KeyWish, passphrase: string | undefined): Promise<KeyStatus> {
    await this.#took(await lend(passphrase, (bytes) => this.#parts.vault.moveKey(to, wish, bytes)));
    return this.#status;
  }

  /** Resolves when the store can be read. @throws ProtocolError KEY_* or STORAGE_* */
  async require(): Promise<void> {
    if (this.#status.state === 'unlocked') return;
    if (this.#attempt === undefined) this.#open({});
    await this.#attempt;
    if (this.#failure !== undefined) throw this.#failure;
    const { state, reason, hint } = this.status;
    if (state === 'unlocked') return;
    const kind = state === 'locked' ? 'KEY_LOCKED' : state === 'denied' ? 'KEY_DENIED' : 'KEY_UNAVAILABLE';
    throw new ProtocolError(kind, reason, { hint, retryable: state !== 'none' });
  }

  /** @throws ProtocolError KEY_MISMATCH when a client insists on another keeper of the key. */
  refuseOtherProvider(wish: KeyWish): void {
    const { provider } = this.#status;
    if (wish.provider === undefined || provider === null || wish.provider === provider) return;
    throw new ProtocolError(
      'KEY_MISMATCH',
      `the key of this store is kept by another keeper (${provider}) than M_KEY_PROVIDER says (${wish.provider})`,
      { hint: `Unset M_KEY_PROVIDER, or set it to ${provider}.` },
    );
  }

  /** One attempt at a time: a keychain may be waiting for a person. */
  #open(wish: KeyWish): void {
    this.#attempt ??= this.#openOnce(wish).finally(() => {
      this.#attempt = undefined;
    });
  }

  async #openOnce(wish: KeyWish): Promise<void> {
    try {
      this.#failure = undefined;
      await this.#took(await this.#parts.vault.open(wish));
    } catch (error) {
      this.#failure =
        error instanceof ProtocolError ? error : new ProtocolError('INTERNAL', 'the store cannot be opened');
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  async #took({ key, store }: OpenResult): Promise<void> {
    const opened = key.state === 'unlocked' && this.#status.state !== 'unlocked';
    this.#failure = undefined;
    if (opened && store !== null) await this.#parts.onOpened(store);
    this.#identity = store;
    this.#status = key;
  }
}

/** Lends the bytes of a passphrase to a call that copies them at once, and overwrites them. */
function lend<T>(passphrase: string | undefined, call: (bytes: Uint8Array | undefined) => Promise<T>): Promise<T> {
  const bytes = passphrase === undefined ? undefined : new Uint8Array(Buffer.from(passphrase, 'base64'));
  const result = call(bytes);
  bytes?.fill(0);
  return result;
}
