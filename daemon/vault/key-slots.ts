/** Finds the root key where the store says it is, or makes one when the store is provably new. */
import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import type { KeyProvider, KeyStatus, KeyWish } from '../../protocol/key.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { StoreIdentity } from '../services/ports.ts';
import type { Db } from './database.ts';
import { createKeyFile, keyFileOf, readKeyFile } from './key-file.ts';
import { CorruptKeyError, generateRootKey, parseRootKey, type RootKey } from './key-text.ts';
import { callKeychain, keychainAccount, type KeychainAnswer } from './keychain.ts';
import { createStoreKey, openStoreKey, type StoreKeys } from './store-keys.ts';

export interface SlotResult {
  readonly status: KeyStatus;
  /** Set when the state is `unlocked`. */
  readonly keys: StoreKeys | undefined;
}

interface SlotRow {
  provider: KeyProvider;
  key_id: string;
  wrapped: Buffer;
  commitment: Buffer;
}

/** Why there is no key, for a person. */
interface Refusal {
  readonly state: 'none' | 'locked' | 'denied';
  readonly reason: string;
  readonly hint: string;
}

type Keychain = typeof callKeychain;

const CREATE_HINT =
  'Start a keychain (on Linux a Secret Service such as gnome-keyring), or choose a key file with M_KEY_PROVIDER=keyfile.';

export class KeySlots {
  readonly #db: Db;
  readonly #dataDirectory: string;
  readonly #keychain: Keychain;

  constructor(db: Db, dataDirectory: string, keychain: Keychain = callKeychain) {
    this.#db = db;
    this.#dataDirectory = dataDirectory;
    this.#keychain = keychain;
  }

  /** Id and generation of the store; made on first use, before there is any key. */
  identity(): StoreIdentity {
    const read = this.#db.prepare<[string], string>('SELECT value FROM meta WHERE name = ?').pluck();
    const id = read.get('store_id');
    const generation = read.get('generation');
    if (id !== undefined && generation !== undefined) return { id, generation };
    const made = { id: ulid(), generation: randomBytes(8).toString('hex') };
    const insert = this.#db.prepare<[string, string]>('INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)');
    this.#db
      .transaction(() => {
        insert.run('store_id', made.id);
        insert.run('generation', made.generation);
      })
      .immediate();
    return made;
  }

  /** @throws ProtocolError KEY_MISMATCH when another provider is wished for than the store was made with. */
  async unlock(wish: KeyWish): Promise<SlotResult> {
    const slot = this.#db
      .prepare<[], SlotRow>('SELECT provider, key_id, wrapped, commitment FROM key_slot LIMIT 1')
      .get();
    if (slot === undefined) return this.#create(wish);
    if (wish.provider !== undefined && wish.provider !== slot.provider) {
      throw new ProtocolError(
        'KEY_MISMATCH',
        `this store’s key is kept by: ${slot.provider}; M_KEY_PROVIDER says ${wish.provider}`,
        {
          hint: `Unset M_KEY_PROVIDER, or set it to ${slot.provider}.`,
        },
      );
    }
    const found = slot.provider === 'keyfile' ? this.#fromFile() : await this.#fromKeychain(wish);
    if (!('key' in found)) return this.#refused(slot.provider, found);
    const keys = openStoreKey(found.key, this.identity().id, slot.provider, slot);
    if (keys === undefined) {
      return this.#refused(slot.provider, {
        state: 'denied',
        reason: `the ${slot.provider} holds another key (${found.keyId}) than the one this store was made with (${slot.key_id})`,
        hint: 'Put the right key back. Nothing was changed, and nothing can be read without it.',
      });
    }
    return { status: this.#unlocked(slot.provider, false), keys };
  }

  async #create(wish: KeyWish): Promise<SlotResult> {
    if (!this.#isEmpty()) {
      throw new ProtocolError('TAMPERED', 'the store holds data, but the record of its key is gone', {
        hint: 'Restore the store from a backup. No new key is made, since it could not read what is there.',
      });
    }
    const wanted = wish.provider ?? 'keychain';
    if (wanted === 'passphrase') {
      return this.#refused(null, {
        state: 'none',
        reason: 'this release cannot create a store with a passphrase',
        hint: 'Use M_KEY_PROVIDER=keychain or M_KEY_PROVIDER=keyfile.',
      });
    }
    if (wanted === 'keyfile') return this.#createWithFile();
    const made = await this.#newKeychainKey(wish);
    if ('key' in made) return this.#store('keychain', made);
    if (made.unreachable && wish.allowKeyfile === true && wish.provider === undefined) return this.#createWithFile();
    return this.#refused(null, made);
  }

  #createWithFile(): SlotResult {
    try {
      const file = keyFileOf(this.#dataDirectory);
      // A file without a store is what an interrupted first start leaves. It protects nothing yet, so it can be used.
      return this.#store('keyfile', readKeyFile(file) ?? createKeyFile(file));
    } catch (error) {
      return this.#refused(null, corrupt('none', error));
    }
  }

  async #newKeychainKey(wish: KeyWish): Promise<RootKey | (Refusal & { unreachable: boolean })> {
    const existing = await this.#ask('get', wish);
    if (existing.kind === 'FOUND') return this.#parse(existing.secret, 'none');
    if (existing.kind !== 'ABSENT')
      return { ...refusalOf(existing, 'none'), unreachable: existing.kind === 'UNAVAILABLE' };
    const { root, text } = generateRootKey();
    const written = await this.#ask('set', wish, text);
    text.fill(0);
    if (written.kind !== 'DONE') return { ...refusalOf(written, 'none'), unreachable: written.kind === 'UNAVAILABLE' };
    const readBack = await this.#ask('get', wish);
    const stored = readBack.kind === 'FOUND' ? this.#parse(readBack.secret, 'none') : undefined;
    if (stored !== undefined && 'key' in stored && stored.key.equals(root.key)) return stored;
    return {
      state: 'none',
      reason: 'the keychain did not give back the key that was just stored in it',
      hint: CREATE_HINT,
      unreachable: false,
    };
  }

  #store(provider: KeyProvider, root: RootKey): SlotResult {
    const { id } = this.identity();
    const { keys, wrapped, commitment } = createStoreKey(root.key, id, provider);
    this.#db
      .prepare(
        'INSERT INTO key_slot(provider, key_id, parameters, wrapped, commitment, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(provider, root.keyId, '{}', wrapped, commitment, Date.now());
    return { status: this.#unlocked(provider, true), keys };
  }

  #fromFile(): RootKey | Refusal {
    const file = keyFileOf(this.#dataDirectory);
    try {
      const root = readKeyFile(file);
      if (root !== undefined) return root;
    } catch (error) {
      return corrupt('denied', error);
    }
    return {
      state: 'denied',
      reason: `the key file ${file} is gone`,
      hint: 'Restore it from a backup. Nothing can be read without it, and no new key is made while there is data.',
    };
  }

  async #fromKeychain(wish: KeyWish): Promise<RootKey | Refusal> {
    const answer = await this.#ask('get', wish);
    if (answer.kind === 'FOUND') return this.#parse(answer.secret, 'denied');
    if (answer.kind !== 'ABSENT') return refusalOf(answer, answer.kind === 'LOCKED' ? 'locked' : 'denied');
    return {
      state: 'denied',
      reason: 'the keychain has no key for this store',
      hint: `It may be another keychain than before. Restore the item "${keychainAccount(this.identity().id)}"; no new key is made while there is data.`,
    };
  }

  #parse(secret: Buffer, state: Refusal['state']): RootKey | (Refusal & { unreachable: boolean }) {
    try {
      return parseRootKey(secret);
    } catch (error) {
      return { ...corrupt(state, error), unreachable: false };
    } finally {
      secret.fill(0);
    }
  }

  #ask(operation: 'get' | 'set', wish: KeyWish, secret?: Buffer): Promise<KeychainAnswer> {
    return this.#keychain({
      operation,
      account: keychainAccount(this.identity().id),
      environment: wish.environment ?? {},
      interactive: wish.interactive === true,
      ...(secret === undefined ? {} : { secret }),
    });
  }

  #isEmpty(): boolean {
    const count = this.#db
      .prepare<[], number>(
        'SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM save) + (SELECT count(*) FROM secret)',
      )
      .pluck()
      .get();
    return count === 0;
  }

  #unlocked(provider: KeyProvider, created: boolean): KeyStatus {
    const keyFile = provider === 'keyfile' ? keyFileOf(this.#dataDirectory) : null;
    return { state: 'unlocked', provider, reason: '', hint: '', keyFile, created };
  }

  #refused(provider: KeyProvider | null, refusal: Refusal): SlotResult {
    const { state, reason, hint } = refusal;
    const keyFile = provider === 'keyfile' ? keyFileOf(this.#dataDirectory) : null;
    return { status: { state, provider, reason, hint, keyFile, created: false }, keys: undefined };
  }
}

function corrupt(state: Refusal['state'], error: unknown): Refusal {
  if (!(error instanceof CorruptKeyError)) throw error;
  return { state, reason: `the key cannot be used: ${error.message}`, hint: 'Restore it from a backup.' };
}

function refusalOf(answer: KeychainAnswer, state: Refusal['state']): Refusal {
  switch (answer.kind) {
    case 'LOCKED':
      return { state, reason: 'the keychain is locked', hint: 'Unlock it and try again.' };
    case 'DENIED':
      return {
        state,
        reason: 'the keychain denied access to the key',
        hint: 'Allow access to the item and try again.',
      };
    case 'TIMEOUT':
      return {
        state,
        reason: `the keychain did not answer (${answer.detail})`,
        hint: 'See whether it waits for a person or hangs, and try again.',
      };
    case 'AMBIGUOUS':
      return {
        state,
        reason: 'the keychain holds more than one key for this store',
        hint: 'Remove the wrong item; keep a copy.',
      };
    case 'CORRUPT':
      return {
        state,
        reason: 'the keychain holds something else in place of the key',
        hint: 'Restore the item from a backup.',
      };
    case 'UNAVAILABLE':
    case 'ABSENT':
    case 'FOUND':
    case 'DONE':
      return {
        state,
        reason: 'no keychain can be reached',
        hint: state === 'none' ? CREATE_HINT : 'Start the keychain that this store was made with, and try again.',
      };
  }
}
