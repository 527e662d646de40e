/** Opens the store when somebody needs it, and says why when it cannot be opened. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyProvider, KeyStatus, KeyWish } from '../../protocol/key.ts';
import type { OpenResult, StoreIdentity, VaultPort } from './ports.ts';
import { isStorageTrouble } from './session-writer.ts';

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

/** How often a request may look again for a key that could not be had; whoever is asked by the keychain is not asked again. */
const LOOK_AGAIN_MS = 10_000;

/** How often a request may try again what the disk has refused. */
const TRY_AGAIN_MS = 200;

/** Attempts with the same wish are one attempt. */
interface Attempt {
  readonly wish: string;
  /** Why the store could not be opened at all; a key that cannot be had is a status and no failure. */
  readonly done: Promise<ProtocolError | undefined>;
}

export class StoreAccess {
  readonly #parts: StoreAccessParts;
  #status: KeyStatus = NOT_OPENED;
  #identity: StoreIdentity | null = null;
  #attempt: Attempt | undefined;
  /** Of the client that came last: how the keychain is reached from where it runs. */
  #latestWish: KeyWish = {};
  /** When the last attempt ended, on the clock of `performance`. */
  #attemptedAt = -Infinity;
  #failure: ProtocolError | undefined;
  /** One thing at a time: a keychain may be waiting for a person. */
  #last: Promise<unknown> = Promise.resolve();

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
    if (this.#status.state !== 'unlocked') void this.#open(wish);
  }

  /**
   * Where the key is, after an attempt with this wish.
   * @throws ProtocolError KEY_MISMATCH and what keeps a store from being opened at all.
   */
  async open(wish: KeyWish): Promise<KeyStatus> {
    const failure = this.#status.state === 'unlocked' ? undefined : await this.#open(wish);
    if (failure !== undefined) throw failure;
    this.refuseOtherProvider(wish);
    return this.#tellOnce();
  }

  /**
   * Opens what a passphrase or a person's word opens.
   * @param passphrase base64 of its UTF-8 bytes.
   */
  async unlock(wish: KeyWish, passphrase: string | undefined): Promise<KeyStatus> {
    await this.#inOrder(async () => {
      await this.#took(await lend(passphrase, (bytes) => this.#parts.vault.unlock(wish, bytes)));
    });
    return this.#tellOnce();
  }

  /** Puts the key away. */
  async lock(): Promise<KeyStatus> {
    return await this.#inOrder(async () => {
      await this.#took(await this.#parts.vault.lock());
      return this.#status;
    });
  }

  /**
   * @returns with a reason when the key was moved and could not be removed from where it was.
   * @throws ProtocolError KEY_UNAVAILABLE, CONFLICT; nothing has changed then.
   */
  async move(to: KeyProvider, wish: KeyWish, passphrase: string | undefined): Promise<KeyStatus> {
    return await this.#inOrder(async () => {
      const result = await lend(passphrase, (bytes) => this.#parts.vault.moveKey(to, wish, bytes));
      await this.#took({ ...result, key: { ...result.key, reason: '', hint: '' } });
      return result.key;
    });
  }

  /** Resolves when the store can be read. @throws ProtocolError KEY_* or STORAGE_* */
  async require(): Promise<void> {
    if (this.#status.state === 'unlocked') return;
    const since = performance.now() - this.#attemptedAt;
    const mayAsk = this.#status.state !== 'locked' && since > LOOK_AGAIN_MS;
    if (this.#attempt !== undefined) await this.#attempt.done;
    // The wish was not heard to its end: what the disk refused then may be possible now.
    else if (isStorageTrouble(this.#failure) && since > TRY_AGAIN_MS) await this.#open(this.#latestWish);
    else if (mayAsk) await this.#open({ ...this.#latestWish, create: false, interactive: false });
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

  #open(wish: KeyWish): Promise<ProtocolError | undefined> {
    const name = JSON.stringify(wish);
    this.#latestWish = wish;
    if (this.#attempt?.wish === name) return this.#attempt.done;
    const done = this.#inOrder(async () => {
      if (this.#status.state !== 'unlocked') this.#failure = await this.#openOnce(wish);
      return this.#failure;
    }).finally(() => {
      if (this.#attempt === attempt) this.#attempt = undefined;
      this.#attemptedAt = performance.now();
    });
    const attempt: Attempt = { wish: name, done };
    this.#attempt = attempt;
    return done;
  }

  async #openOnce(wish: KeyWish): Promise<ProtocolError | undefined> {
    try {
      await this.#took(await this.#parts.vault.open(wish));
      return undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      this.#failure = new ProtocolError('INTERNAL', 'the store cannot be opened');
      throw error;
    }
  }

  async #took({ key, store }: OpenResult): Promise<void> {
    const opened = key.state === 'unlocked' && this.#status.state !== 'unlocked';
    this.#failure = undefined;
    if (opened && store !== null) await this.#parts.onOpened(store);
    this.#identity = store;
    this.#status = key;
  }

  /** That a key was made is news once; who comes later is told only where it is. */
  #tellOnce(): KeyStatus {
    const status = this.#status;
    if (status.created) this.#status = { ...status, created: false };
    return status;
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** Lends the bytes of a passphrase to a call that takes or copies them at once, and overwrites what is left here. */
function lend<T>(passphrase: string | undefined, call: (bytes: Uint8Array | undefined) => Promise<T>): Promise<T> {
  if (passphrase === undefined) return call(undefined);
  // Of their own: small buffers share one that nobody overwrites.
  const bytes = Buffer.alloc(Buffer.byteLength(passphrase, 'base64'));
  bytes.write(passphrase, 'base64');
  const result = call(bytes);
  // Handed over to another thread they are out of reach, and overwritten there.
  if (!bytes.buffer.detached) bytes.fill(0);
  return result;
}
