/** A store that is changed as somebody without its key could change it, looked at, and put back: nothing reaches the disk. */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import type { VaultPort } from '../../daemon/services/ports.ts';
import { KeySlots } from '../../daemon/vault/keys/key-slots.ts';
import { keyFileOf, readKeyFile } from '../../daemon/vault/keys/key-file.ts';
import type { StoreKeys } from '../../daemon/vault/keys/store-keys.ts';
import { assembleStore } from '../../daemon/vault/open-store.ts';
import { toCallError } from '../../daemon/vault/storage-errors.ts';
import { STORE_CALLS, type StoreCall } from '../../daemon/vault/store-calls.ts';
import type { SlicedJob } from '../../daemon/vault/slices.ts';

/** One call of the vault's port, answered at once. */
export type Ask = <M extends StoreCall>(
  method: M,
  ...args: Parameters<VaultPort[M]>
) => Awaited<ReturnType<VaultPort[M]>>;

export class TamperedStore {
  readonly db: Database.Database;
  readonly #keys: StoreKeys;

  /** @param dataDirectory of a store with a key file that nobody has open. */
  constructor(dataDirectory: string) {
    this.db = new Database(join(dataDirectory, 'store', 'm.db'));
    this.db.pragma('foreign_keys = OFF');
    const slots = new KeySlots(this.db);
    const slot = slots.read();
    const root = readKeyFile(keyFileOf(dataDirectory));
    const keys = slot === undefined || root === undefined ? undefined : slots.open(slot, root);
    if (keys === undefined) throw new Error('the store has no key that fits');
    this.#keys = keys;
  }

  /** What `look` sees after `change`, with nothing remembered of how it was before; then everything is as it was. */
  after<T>(change: (db: Database.Database) => void, look: (ask: Ask) => T): T {
    this.db.exec('BEGIN');
    try {
      change(this.db);
      return look(this.#asker());
    } finally {
      this.db.exec('ROLLBACK');
    }
  }

  close(): void {
    this.db.close();
  }

  #asker(): Ask {
    const store = assembleStore(this.db, this.#keys, '/nowhere');
    return (method, ...args) => {
      const { kind, run } = STORE_CALLS[method] as {
        kind: string;
        run: (of: typeof store, ...args: readonly unknown[]) => unknown;
      };
      try {
        const result = run(store, ...args);
        return (kind === 'scan' || kind === 'erase' ? toTheEnd(result as SlicedJob<unknown>) : result) as never;
      } catch (error) {
        const { kind: errorKind, message, hint, retryable, stack } = toCallError(error);
        if (stack !== undefined) throw error;
        throw new ProtocolError(errorKind, message, { hint, retryable });
      }
    };
  }
}

function toTheEnd<T>(job: SlicedJob<T>): T {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}
