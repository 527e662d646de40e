/** The record of where a store's key is kept: one slot, chosen when the store is made and changed only on purpose. */
import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { KeyProvider } from '../../../protocol/key.ts';
import type { StoreIdentity } from '../../services/ports.ts';
import type { Db } from '../database.ts';
import type { RootKey } from './key-text.ts';
import { createStoreKey, openStoreKey, type StoreKeys } from './store-keys.ts';

export interface Slot {
  readonly provider: KeyProvider;
  readonly keyId: string;
  readonly parameters: string;
  readonly wrapped: Buffer;
  readonly commitment: Buffer;
}

export class KeySlots {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
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

  read(): Slot | undefined {
    return this.#db
      .prepare<[], Slot>('SELECT provider, key_id AS keyId, parameters, wrapped, commitment FROM key_slot LIMIT 1')
      .get();
  }

  /** Whether nothing was ever stored that a lost key would make unreadable. */
  isEmpty(): boolean {
    const tables = ['session', 'save', 'secret', 'history', 'operation', 'workspace'];
    const rows = tables.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ');
    return this.#db.prepare<[], number>(`SELECT ${rows}`).pluck().get() === 0;
  }

  /**
   * Makes the store key under a root key.
   * @throws ProtocolError CONFLICT when there is a slot already: another store key would make unreadable what was written.
   */
  create(provider: KeyProvider, root: RootKey, parameters: string): StoreKeys {
    const { keys, wrapped, commitment } = createStoreKey(root.key, this.identity().id, provider);
    const slot = { provider, keyId: root.keyId, parameters, wrapped, commitment };
    this.#db
      .transaction(() => {
        if (this.read() !== undefined) throw new ProtocolError('CONFLICT', 'the store has been created meanwhile');
        this.#insert(slot);
      })
      .immediate();
    return keys;
  }

  /** @returns undefined when the root key is another one than the slot was made for. @throws TamperError */
  open(slot: Slot, root: RootKey): StoreKeys | undefined {
    return openStoreKey(root.key, this.identity().id, slot.provider, slot);
  }

  /** The same store key under another root key; the old slot is gone in the same transaction. */
  replace(keys: StoreKeys, provider: KeyProvider, root: RootKey, parameters: string): void {
    const { wrapped, commitment } = keys.rewrap(root.key, provider);
    this.#db
      .transaction(() => {
        this.#db.prepare('DELETE FROM key_slot').run();
        this.#insert({ provider, keyId: root.keyId, parameters, wrapped, commitment });
      })
      .immediate();
  }

  #insert({ provider, keyId, parameters, wrapped, commitment }: Slot): void {
    this.#db
      .prepare(
        'INSERT INTO key_slot(provider, key_id, parameters, wrapped, commitment, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(provider, keyId, parameters, wrapped, commitment, Date.now());
  }
}
