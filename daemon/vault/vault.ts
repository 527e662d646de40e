/** The vault of one data directory: opens it, keeps its keys, and hands calls to the group commit. */
import { join } from 'node:path';
import type { KeyStatus, KeyWish } from '../../protocol/key.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { StoreIdentity } from '../services/ports.ts';
import type { Answer, Call } from './calls.ts';
import { openDatabase, type Db } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { KeySlots } from './key-slots.ts';
import { migrate } from './migrations.ts';
import { assembleStore, type OpenStore } from './open-store.ts';
import { storageCode, toCallError } from './storage-errors.ts';
import { maintenance } from './store-calls.ts';
import type { StoreKeys } from './store-keys.ts';

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
  #keys: StoreKeys | undefined;
  #store: OpenStore | undefined;
  #status: KeyStatus | undefined;
  /** Opening waits for a keychain, perhaps for a person; everybody waits for the same attempt. */
  #opening: Promise<OpenResult> | undefined;
  #closed = false;

  constructor(dataDirectory: string, send: (answer: Answer) => void) {
    this.#dataDirectory = dataDirectory;
    this.#directory = join(dataDirectory, STORE_DIRECTORY);
    this.#send = send;
    this.#commit = new GroupCommit({
      store: () => this.#openStore(),
      reopen: () => {
        this.#reopen();
      },
      answer: send,
    });
  }

  /** Runs calls that arrived together. */
  run(batch: readonly Call[]): void {
    const storeCalls: Call[] = [];
    for (const call of batch) {
      if (call[1] === 'open') this.#answerLater(call, this.#open(call[2][0] as KeyWish));
      else if (call[1] === 'close') this.#close(call, storeCalls.splice(0));
      else storeCalls.push(call);
    }
    if (storeCalls.length > 0) this.#commit.run(storeCalls);
  }

  #answerLater([id]: Call, result: Promise<unknown>): void {
    result.then(
      (value) => {
        this.#send([id, value]);
      },
      (error: unknown) => {
        this.#send([id, undefined, toCallError(error)]);
      },
    );
  }

  #open(wish: KeyWish): Promise<OpenResult> {
    if (this.#opening === undefined) {
      this.#opening = this.#openOnce(wish).finally(() => {
        this.#opening = undefined;
      });
    }
    return this.#opening;
  }

  async #openOnce(wish: KeyWish): Promise<OpenResult> {
    if (this.#closed) throw closedError();
    const db = this.#database();
    const slots = new KeySlots(db, this.#dataDirectory);
    if (this.#keys !== undefined && this.#status !== undefined) {
      refuseOtherProvider(this.#status, wish);
      return { key: this.#status, store: slots.identity() };
    }
    const { status, keys } = await slots.unlock(wish);
    this.#status = status;
    if (keys !== undefined) {
      this.#keys = keys;
      this.#store = assembleStore(db, keys, this.#backups);
      this.#commit.background(maintenance(this.#store));
    }
    return { key: status, store: slots.identity() };
  }

  #database(): Db {
    if (this.#db === undefined) {
      const db = openDatabase(join(this.#directory, DATABASE_FILE));
      try {
        migrate(db, this.#backups);
      } catch (error) {
        db.close();
        throw error;
      }
      this.#db = db;
    }
    return this.#db;
  }

  get #backups(): string {
    return join(this.#directory, BACKUP_DIRECTORY);
  }

  #openStore(): OpenStore {
    if (this.#closed) throw closedError();
    if (this.#store !== undefined) return this.#store;
    // A reopen may have failed; with the keys at hand the next call tries again.
    if (this.#keys !== undefined) {
      this.#store = assembleStore(this.#database(), this.#keys, this.#backups);
      return this.#store;
    }
    const { reason, hint, state } = this.#status ?? { reason: 'the store is not open', hint: '', state: 'none' };
    const kind = state === 'locked' ? 'KEY_LOCKED' : state === 'denied' ? 'KEY_DENIED' : 'KEY_UNAVAILABLE';
    throw new ProtocolError(kind, reason, { hint });
  }

  #reopen(): void {
    const db = this.#db;
    this.#db = undefined;
    this.#store = undefined;
    try {
      db?.close();
    } catch (error) {
      // What a failing disk says on closing changes nothing: the connection is not used again.
      if (storageCode(error) === undefined) throw error;
    }
    this.#openStore();
  }

  #close([id]: Call, before: readonly Call[]): void {
    if (before.length > 0) this.#commit.run(before);
    this.#commit.endJobs();
    this.#closed = true;
    this.#store = undefined;
    this.#keys = undefined;
    this.#db?.close();
    this.#db = undefined;
    this.#send([id, undefined]);
  }
}

function refuseOtherProvider(status: KeyStatus, wish: KeyWish): void {
  if (wish.provider === undefined || wish.provider === status.provider) return;
  throw new ProtocolError(
    'KEY_MISMATCH',
    `this store’s key is kept by: ${status.provider ?? 'nobody'}; M_KEY_PROVIDER says ${wish.provider}`,
    {
      hint: `Unset M_KEY_PROVIDER, or set it to ${status.provider ?? 'keychain'}.`,
    },
  );
}

function closedError(): ProtocolError {
  return new ProtocolError('DRAINING', 'the store is being closed', { retryable: true });
}
