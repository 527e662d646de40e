/** The keys below the root key: the store key, what is derived from it, and the random keys it wraps. */
import { createHmac, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { bind, openRecord, sealRecord } from '../cipher.ts';

const KEY_BYTES = 32;

/** What a derived key is for. The words are part of the derivation and must never change. */
export type Purpose = 'wrap' | 'workspace' | 'history' | 'secret' | 'operation' | 'fingerprint' | 'rule' | 'process';

/** The store key and what hangs on it. Raw key bytes leave this room only inside a KeyObject or wrapped. */
export class StoreKeys {
  readonly storeId: string;
  readonly #storeKey: KeyObject;
  readonly #derived = new Map<Purpose, KeyObject>();

  constructor(storeId: string, storeKey: KeyObject) {
    this.storeId = storeId;
    this.#storeKey = storeKey;
  }

  /** A key for one purpose, by HKDF-SHA-256 (RFC 5869) from the store key. */
  for(purpose: Purpose): KeyObject {
    let key = this.#derived.get(purpose);
    if (key === undefined) {
      key = deriveKey(this.#storeKey, `m/store/${purpose}`, this.storeId);
      this.#derived.set(purpose, key);
    }
    return key;
  }

  /**
   * A fresh random key and its wrapped form.
   * @param owner what the key belongs to, for example `segment:17`; unwrapping for another owner fails.
   */
  generate(owner: string): { key: KeyObject; wrapped: Buffer } {
    const raw = randomBytes(KEY_BYTES);
    const wrapped = sealRecord(this.for('wrap'), 1, this.#wrapBinding(owner), raw);
    const key = createSecretKey(raw);
    raw.fill(0);
    return { key, wrapped };
  }

  /** A key that was unwrapped, for another owner. */
  wrap(owner: string, key: KeyObject): Buffer {
    const raw = key.export();
    const wrapped = sealRecord(this.for('wrap'), 1, this.#wrapBinding(owner), raw);
    raw.fill(0);
    return wrapped;
  }

  /** @throws TamperError when it was wrapped by another store or for another owner. */
  unwrap(owner: string, wrapped: Buffer): KeyObject {
    const raw = openRecord(this.for('wrap'), 1, this.#wrapBinding(owner), wrapped);
    const key = createSecretKey(raw);
    raw.fill(0);
    return key;
  }

  /** Encrypts a value that belongs to the store as a whole. */
  sealValue(purpose: Purpose, place: string, text: string): Buffer {
    return sealRecord(this.for(purpose), 1, bind('m/value', purpose, this.storeId, place), Buffer.from(text, 'utf8'));
  }

  /** @throws TamperError */
  openValue(purpose: Purpose, place: string, record: Buffer): string {
    return openRecord(this.for(purpose), 1, bind('m/value', purpose, this.storeId, place), record).toString('utf8');
  }

  /** 16 bytes that tell two requests apart without telling what was asked for; bound to the id of the operation. */
  fingerprint(op: string, text: string): Buffer {
    return createHmac('sha256', this.for('fingerprint')).update(bind(op, text)).digest().subarray(0, 16);
  }

  /** This store key under another root key. */
  rewrap(rootKey: KeyObject, slot: string): WrappedStoreKey {
    const raw = this.#storeKey.export();
    const wrapped = sealRecord(slotKey(rootKey, this.storeId), 1, bind('m/store-key', this.storeId, slot), raw);
    raw.fill(0);
    return { wrapped, commitment: commitmentOf(rootKey, this.storeId) };
  }

  #wrapBinding(owner: string): Buffer {
    return bind('m/wrapped-key', this.storeId, owner);
  }
}

/** HKDF-SHA-256 (RFC 5869) of one key to another. */
export function deriveKey(from: KeyObject, info: string, salt: string): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', from, salt, info, KEY_BYTES));
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** What a key slot keeps of its store: the store key under the root key, and a commitment to that root key. */
export interface WrappedStoreKey {
  readonly wrapped: Buffer;
  /** HKDF of the root key. GCM does not commit to its key, so a slot says by itself which root key fits. */
  readonly commitment: Buffer;
}

/** Wraps a new store key under a root key. */
export function createStoreKey(
  rootKey: KeyObject,
  storeId: string,
  slot: string,
): { keys: StoreKeys } & WrappedStoreKey {
  const raw = randomBytes(KEY_BYTES);
  const wrapped = sealRecord(slotKey(rootKey, storeId), 1, bind('m/store-key', storeId, slot), raw);
  const keys = new StoreKeys(storeId, createSecretKey(raw));
  raw.fill(0);
  return { keys, wrapped, commitment: commitmentOf(rootKey, storeId) };
}

/**
 * Opens a slot.
 * @returns undefined when the root key is not the one the slot was made for.
 * @throws TamperError when the root key fits and the slot was changed.
 */
export function openStoreKey(
  rootKey: KeyObject,
  storeId: string,
  slot: string,
  stored: WrappedStoreKey,
): StoreKeys | undefined {
  if (!commitmentOf(rootKey, storeId).equals(stored.commitment)) return undefined;
  const raw = openRecord(slotKey(rootKey, storeId), 1, bind('m/store-key', storeId, slot), stored.wrapped);
  const keys = new StoreKeys(storeId, createSecretKey(raw));
  raw.fill(0);
  return keys;
}

function slotKey(rootKey: KeyObject, storeId: string): KeyObject {
  return deriveKey(rootKey, 'm/root/wrap', storeId);
}

function commitmentOf(rootKey: KeyObject, storeId: string): Buffer {
  return Buffer.from(hkdfSync('sha256', rootKey, storeId, 'm/root/commitment', KEY_BYTES));
}
