/** The key of a daemon in memory: a file, a keychain or a passphrase that a test sets. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyProvider, KeyStatus } from '../../protocol/key.ts';

const OPEN: KeyStatus = {
  state: 'unlocked',
  provider: 'keyfile',
  reason: '',
  hint: '',
  keyFile: '/data/key',
  created: true,
};

export class FakeLock {
  status: KeyStatus = OPEN;
  passphrase = '';
  /** Whether the keychain gives the key out. */
  isKeychainOpen = true;

  /** A daemon that was just started on a store with a passphrase. */
  lockBy(passphrase: string): void {
    this.passphrase = passphrase;
    this.status = {
      state: 'locked',
      provider: 'passphrase',
      reason: 'the store is locked with a passphrase',
      hint: 'Unlock it: mctl keys unlock',
      keyFile: null,
      created: false,
    };
  }

  /** There is no store yet, and no keychain, or a wish for a passphrase. */
  beNew(choices: KeyProvider[]): void {
    const reason = choices.length === 1 ? 'a passphrase is needed to create the store' : 'no keychain can be reached';
    this.status = {
      state: 'none',
      provider: null,
      reason,
      hint: 'M_KEY_PROVIDER=…',
      keyFile: null,
      created: false,
      choices,
    };
  }

  unlock(provider: KeyProvider | undefined, passphrase: string | undefined): KeyStatus {
    const { status } = this;
    const given = Buffer.from(passphrase ?? '', 'base64').toString('utf8');
    if (status.state === 'unlocked') return status;
    if (status.state === 'none') {
      if (provider === 'passphrase') this.passphrase = given;
      return (this.status = this.#open(provider ?? 'keychain', true));
    }
    if (status.provider === 'passphrase' && given !== this.passphrase) {
      return { ...status, reason: 'this is not the passphrase', hint: 'Try again.' };
    }
    if (status.provider === 'keychain' && !this.isKeychainOpen) return status;
    return (this.status = this.#open(status.provider ?? 'keychain', false));
  }

  close(): KeyStatus {
    const { provider } = this.status;
    return (this.status = {
      ...this.status,
      state: 'locked',
      provider,
      reason: 'the store was locked',
      created: false,
    });
  }

  move(to: KeyProvider, passphrase: string | undefined): KeyStatus {
    this.passphrase = Buffer.from(passphrase ?? '', 'base64').toString('utf8');
    return (this.status = this.#open(to, false));
  }

  require(): void {
    const { state, reason, hint } = this.status;
    if (state === 'unlocked') return;
    const kind = state === 'locked' ? 'KEY_LOCKED' : state === 'denied' ? 'KEY_DENIED' : 'KEY_UNAVAILABLE';
    throw new ProtocolError(kind, reason, { hint, retryable: state !== 'none' });
  }

  #open(provider: KeyProvider, created: boolean): KeyStatus {
    return { ...OPEN, provider, created, keyFile: provider === 'keyfile' ? '/data/key' : null };
  }
}
