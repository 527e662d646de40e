/** The vault of one data directory: opens it, keeps its keys, and hands calls to the group commit. */
import { SqliteError } from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyStatus } from '../../protocol/key.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { StoreIdentity, VaultPort } from '../services/ports.ts';
import type { Answer, Call } from './calls.ts';
import { bury, isFull, openDatabase, settle, type Db } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { Custody } from './keys/custody.ts';
import { KeyHolder } from './keys/key-holder.ts';
import { isBehind, migrate } from './migrations.ts';
import { assembleStore, type OpenStore } from './open-store.ts';
import { leavesDoubt, storageCode, toCallError } from './storage-errors.ts';
import { STORE_CALLS, maintenance, type StoreCall } from './store-calls.ts';
import type { StoreKeys } from './keys/store-keys.ts';

/** Directory of the database inside the data directory. */
export const STORE_DIRECTORY = 'store';
const DATABASE_FILE = 'm.db';
const BACKUP_DIRECTORY = 'backups';
/** Whoever started the daemon waits for a first answer, which maintenance would only hold up. */
const MAINTENANCE_AFTER_MS = 2_000;

interface OpenResult {
  readonly key: KeyStatus;
  readonly store: StoreIdentity | null;
}

export class Vault {
  readonly #directory: string;
  readonly #dataDirectory: string;
  readonly #send: (answer: Answer) => void;
  readonly #commit: GroupCommit;
  readonly #holder: KeyHolder;
  #db: Db | undefined;
  /** Whether what others left in the write-ahead log is durable, so that it can be appended to. */
  #settled = false;
  #store: OpenStore | undefined;
  #closed = false;

  constructor(dataDirectory: string, send: (answer: Answer) => void) {
    this.#dataDirectory = dataDirectory;
    this.#directory = join(dataDirectory, STORE_DIRECTORY);
    this.#send = send;
    this.#commit = new GroupCommit({
      store: () => this.#openStore(),
      storeForWriting: () => this.#openForWriting(),
      distrust: () => {
        this.#distrust();
      },
      isFull: () => isFull(this.#dataDirectory),
      answer: send,
    });
    this.#holder = new KeyHolder({
      custody: () => this.#custody(),
      onKeys: (keys) => {
        if (this.#closed) throw closedError();
        this.#store = assembleStore(this.#database(), keys, this.#backups);
        this.#commit.background(maintenance, MAINTENANCE_AFTER_MS);
      },
      onLock: () => {
        this.#commit.endJobs(new ProtocolError('KEY_LOCKED', 'the store was locked in the middle of this'));
        this.#store = undefined;
      },
      requireWritable: () => void this.#openForWriting(),
    });
  }

  /**
   * Opens a store that exists before anybody asks, when its key is in a file and needs nobody's help. What goes wrong here
   * goes wrong again for whoever asks, who is told.
   */
  prepare(): void {
    if (!existsSync(join(this.#directory, DATABASE_FILE))) return;
    const prepare = async (): Promise<void> => {
      if (this.#custody().provider === 'keyfile') await this.#holder.open({ create: false });
    };
    prepare().catch((error: unknown) => {
      if (leavesDoubt(error)) this.#distrust();
    });
  }

  /** Runs calls that arrived together. */
  run(batch: readonly Call[]): void {
    const storeCalls: Call[] = [];
    for (const call of batch) {
      if (!isKeyCall(call[1])) {
        storeCalls.push(call);
        continue;
      }
      // What came before must be done with the keys that were there.
      if (storeCalls.length > 0) this.#commit.run(storeCalls.splice(0));
      this.#runKeyCall(call);
    }
    if (storeCalls.length > 0) this.#commit.run(storeCalls);
  }

  #runKeyCall(call: Call): void {
    const [, method, args] = call;
    this.#answerLater(call, async () => {
      switch (method as KeyCall) {
        case 'open': {
          const [wish] = args as Parameters<VaultPort['open']>;
          return this.#result(await this.#holder.open(wish));
        }
        case 'unlock': {
          const [wish, passphrase] = args as Parameters<VaultPort['unlock']>;
          return this.#result(await this.#holder.unlock(wish, bytesOf(passphrase)));
        }
        case 'lock':
          return this.#result(await this.#holder.lock());
        case 'moveKey': {
          const [to, wish, passphrase] = args as Parameters<VaultPort['moveKey']>;
          return this.#result(await this.#holder.move(to, wish, bytesOf(passphrase)));
        }
        case 'close':
          this.#close();
          return undefined;
      }
    });
  }

  #answerLater([id]: Call, work: () => Promise<unknown>): void {
    work().then(
      (value) => {
        this.#send([id, value]);
      },
      (error: unknown) => {
        const full = storageCode(error) !== undefined && isFull(this.#dataDirectory);
        if (leavesDoubt(error)) this.#distrust();
        this.#send([id, undefined, toCallError(error, { work: 'write', full })]);
      },
    );
  }

  #result(key: KeyStatus): OpenResult {
    // The daemon may have been told to leave meanwhile, and the database is closed then.
    if (this.#closed) throw closedError();
    return { key, store: this.#custody().identity() };
  }

  /** @throws ProtocolError DRAINING */
  #custody(): Custody {
    if (this.#closed) throw closedError();
    return new Custody(this.#database(), this.#dataDirectory);
  }

  #database(): Db {
    if (this.#db === undefined) {
      const db = openDatabase(
        join(this.#directory, DATABASE_FILE),
        this.#holder.keys === undefined ? 'create' : 'open',
      );
      try {
        this.#prepare(db);
      } catch (error) {
        db.close();
        throw error;
      }
      this.#db = db;
    }
    return this.#db;
  }

  #prepare(db: Db): void {
    if (this.#holder.keys !== undefined) requireSameStore(db, this.#holder.keys);
    this.#settled = false;
    try {
      this.#settle(db);
    } catch (error) {
      // What is there can be read all the same.
      if (storageCode(error) === undefined || isBehind(db)) throw error;
    }
    migrate(db, this.#backups);
  }

  /** @throws a storage error when the disk does not take what is in the write-ahead log. */
  #settle(db: Db): void {
    if (!this.#settled) settle(db);
    this.#settled = true;
  }

  get #backups(): string {
    return join(this.#directory, BACKUP_DIRECTORY);
  }

  #openStore(): OpenStore {
    if (this.#closed) throw closedError();
    if (this.#store !== undefined) return this.#store;
    // The connection was put away after an error of the disk; with the keys at hand another one is opened.
    const { keys, status } = this.#holder;
    if (keys !== undefined) {
      this.#store = assembleStore(this.#database(), keys, this.#backups);
      return this.#store;
    }
    const { reason, hint, state } = status ?? { reason: 'the store is not open', hint: '', state: 'none' };
    const kind = state === 'locked' ? 'KEY_LOCKED' : state === 'denied' ? 'KEY_DENIED' : 'KEY_UNAVAILABLE';
    throw new ProtocolError(kind, reason, { hint });
  }

  #openForWriting(): OpenStore {
    const store = this.#openStore();
    this.#settle(store.db);
    return store;
  }

  /** The next call opens another connection, and finds there what is on the disk. */
  #distrust(): void {
    const db = this.#db;
    this.#db = undefined;
    this.#store = undefined;
    if (db === undefined) return;
    for (const lastWord of [() => db.inTransaction && db.exec('ROLLBACK'), () => bury(db), () => db.close()]) {
      try {
        lastWord();
      } catch (error) {
        // What a failing disk says now changes nothing: this connection is not used again.
        if (!(error instanceof SqliteError)) throw error;
      }
    }
  }

  #close(): void {
    this.#commit.endJobs(closedError());
    this.#closed = true;
    this.#store = undefined;
    this.#holder.forget();
    this.#db?.close();
    this.#db = undefined;
  }
}

/** What a passphrase arrives in is a buffer of its own, and is overwritten as a whole. */
function bytesOf(passphrase: Uint8Array | undefined): Buffer | undefined {
  return passphrase === undefined ? undefined : Buffer.from(passphrase.buffer, 0, passphrase.byteLength);
}

/** Calls that the vault answers itself. */
type KeyCall = Exclude<keyof VaultPort, StoreCall>;

function isKeyCall(method: keyof VaultPort): method is KeyCall {
  return !Object.hasOwn(STORE_CALLS, method);
}

/** @throws ProtocolError when there is another store in the place of the one that was open. */
function requireSameStore(db: Db, keys: StoreKeys): void {
  const isEmpty = isBehind(db) && db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() === undefined;
  const id = isEmpty ? undefined : db.prepare("SELECT value FROM meta WHERE name = 'store_id'").pluck().get();
  if (id === keys.storeId) return;
  throw new ProtocolError('STORAGE_FAILED', 'the store was replaced by another one while it was open', {
    hint: 'Restart the daemon to use the one that is there now: mctl daemon restart',
  });
}

function closedError(): ProtocolError {
  return new ProtocolError('DRAINING', 'the store is being closed', { retryable: true });
}
