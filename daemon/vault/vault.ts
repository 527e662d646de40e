/** The vault of one data directory: opens it, keeps its keys, and hands calls to the group commit. */
import { SqliteError } from 'better-sqlite3';
import { join } from 'node:path';
import type { KeyProvider, KeyStatus, KeyWish } from '../../protocol/key.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { StoreIdentity, VaultPort } from '../services/ports.ts';
import type { Answer, Call } from './calls.ts';
import { bury, isFull, openDatabase, settle, type Db } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { Custody, refuseOtherProvider } from './keys/custody.ts';
import { isBehind, migrate } from './migrations.ts';
import { assembleStore, type OpenStore } from './open-store.ts';
import { leavesDoubt, storageCode, toCallError } from './storage-errors.ts';
import { STORE_CALLS, maintenance, type StoreCall } from './store-calls.ts';
import type { StoreKeys } from './keys/store-keys.ts';

/** Directory of the database inside the data directory. */
export const STORE_DIRECTORY = 'store';
const DATABASE_FILE = 'm.db';
const BACKUP_DIRECTORY = 'backups';

interface OpenResult {
  readonly key: KeyStatus;
  readonly store: StoreIdentity | null;
}

export class Vault {
  readonly #directory: string;
  readonly #dataDirectory: string;
  readonly #send: (answer: Answer) => void;
  readonly #commit: GroupCommit;
  #db: Db | undefined;
  /** Whether what others left in the write-ahead log is durable, so that it can be appended to. */
  #settled = false;
  #keys: StoreKeys | undefined;
  #store: OpenStore | undefined;
  #status: KeyStatus | undefined;
  /** Opening waits for a keychain, perhaps for a person; everybody waits for the same attempt. */
  #opening: Promise<OpenResult> | undefined;
  #closed = false;
  #lockedOnPurpose = false;

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
    switch (method as KeyCall) {
      case 'open':
        this.#answerLater(call, () => this.#open(...(args as Parameters<VaultPort['open']>)));
        break;
      case 'unlock':
        this.#answerLater(call, () => this.#unlock(...(args as Parameters<VaultPort['unlock']>)));
        break;
      case 'lock':
        this.#answerLater(call, () => this.#lock());
        break;
      case 'moveKey':
        this.#answerLater(call, () => this.#move(...(args as Parameters<VaultPort['moveKey']>)));
        break;
      case 'close':
        this.#answerLater(call, () => {
          this.#close();
        });
        break;
    }
  }

  #answerLater([id]: Call, work: () => unknown): void {
    const result = new Promise((resolve) => {
      resolve(work());
    });
    result.then(
      (value) => {
        this.#send([id, value]);
      },
      (error: unknown) => {
        const full = storageCode(error) !== undefined && isFull(this.#dataDirectory);
        if (leavesDoubt(error)) this.#distrust();
        this.#send([id, undefined, toCallError(error, { reading: false, full })]);
      },
    );
  }

  #open(wish: KeyWish): Promise<OpenResult> {
    if (this.#keys !== undefined && this.#status !== undefined) {
      refuseOtherProvider(this.#status.provider, wish);
      return Promise.resolve(this.#result(this.#status));
    }
    this.#opening ??= this.#openOnce(wish).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** A store that was locked on purpose stays so until somebody asks for it to be unlocked. */
  async #openOnce(wish: KeyWish, passphrase?: Buffer): Promise<OpenResult> {
    if (this.#closed) throw closedError();
    if (this.#lockedOnPurpose && this.#status !== undefined) return this.#result(this.#status);
    const { status, keys } = await this.#custody().open(wish, passphrase);
    return this.#took(status, keys);
  }

  async #unlock(wish: KeyWish, passphrase: Uint8Array | undefined): Promise<OpenResult> {
    await this.#opening;
    if (this.#keys !== undefined && this.#status !== undefined) return this.#result(this.#status);
    this.#lockedOnPurpose = false;
    const bytes = passphrase === undefined ? undefined : Buffer.from(passphrase.buffer);
    try {
      return await this.#openOnce(wish, bytes);
    } finally {
      bytes?.fill(0);
    }
  }

  /** Puts the key away. Whoever reads or writes from here on is told that the store is locked. */
  #lock(): OpenResult {
    if (this.#keys === undefined) throw new ProtocolError('KEY_LOCKED', 'the store is not unlocked');
    this.#commit.endJobs(new ProtocolError('KEY_LOCKED', 'the store was locked in the middle of this'));
    this.#keys = undefined;
    this.#store = undefined;
    this.#lockedOnPurpose = true;
    this.#status = this.#custody().locked();
    return this.#result(this.#status);
  }

  async #move(to: KeyProvider, wish: KeyWish, passphrase: Uint8Array | undefined): Promise<OpenResult> {
    if (this.#keys === undefined) this.#openStore();
    const keys = this.#keys;
    if (keys === undefined) throw closedError();
    this.#openForWriting();
    const bytes = passphrase === undefined ? undefined : Buffer.from(passphrase.buffer);
    try {
      return this.#took(await this.#custody().move(keys, to, wish, bytes), undefined);
    } finally {
      bytes?.fill(0);
    }
  }

  #took(status: KeyStatus, keys: StoreKeys | undefined): OpenResult {
    // The daemon may have been told to leave meanwhile, and the database is closed then.
    if (this.#closed) throw closedError();
    this.#status = status;
    if (keys !== undefined) {
      this.#keys = keys;
      this.#store = assembleStore(this.#database(), keys, this.#backups);
      this.#commit.background(maintenance);
    }
    return this.#result(status);
  }

  #result(key: KeyStatus): OpenResult {
    return { key, store: this.#custody().identity() };
  }

  #custody(): Custody {
    return new Custody(this.#database(), this.#dataDirectory);
  }

  #database(): Db {
    if (this.#db === undefined) {
      const db = openDatabase(join(this.#directory, DATABASE_FILE), this.#keys === undefined ? 'create' : 'open');
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
    if (this.#keys !== undefined) requireSameStore(db, this.#keys);
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
    if (this.#keys !== undefined) {
      this.#store = assembleStore(this.#database(), this.#keys, this.#backups);
      return this.#store;
    }
    const { reason, hint, state } = this.#status ?? { reason: 'the store is not open', hint: '', state: 'none' };
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
    this.#keys = undefined;
    this.#db?.close();
    this.#db = undefined;
  }
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
