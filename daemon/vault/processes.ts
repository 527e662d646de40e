/** Process groups that must not outlive their daemon, recorded before they do anything. */
import type { ProcessRecord } from '../services/tool-port.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';

interface ProcessRow {
  readonly call: string;
  readonly session: string;
  readonly body: Buffer;
}

type Content = Omit<ProcessRecord, 'callId' | 'sessionId'>;

/**
 * Whoever finds a record ends that process group, so a record is encrypted and bound under a key of the store: nobody else
 * can make the daemon end something by writing here. A record that was removed from the file is not missed.
 */
export class ProcessStore {
  readonly #keys: StoreKeys;
  readonly #replace;
  readonly #delete;
  readonly #select;
  readonly #ofSession;
  readonly #deleteOfSession;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#replace = db.prepare<[string, string, Buffer]>(
      'INSERT OR REPLACE INTO process(call, session, body) VALUES (?, ?, ?)',
    );
    this.#delete = db.prepare<[string]>('DELETE FROM process WHERE call = ?');
    this.#select = db.prepare<[], ProcessRow>('SELECT call, session, body FROM process');
    this.#ofSession = db.prepare<[string], ProcessRow>('SELECT call, session, body FROM process WHERE session = ?');
    this.#deleteOfSession = db.prepare<[string]>('DELETE FROM process WHERE session = ?');
  }

  /** A second record of the same call takes the place of the first. */
  record({ callId, sessionId, pid, startTime, bootId, background }: ProcessRecord): void {
    const content: Content = { pid, startTime, bootId, background };
    const body = this.#keys.sealValue('process', placeOf(callId, sessionId), JSON.stringify(content));
    this.#replace.run(callId, sessionId, body);
  }

  forget(callId: string): void {
    this.#delete.run(callId);
  }

  /** Every record that verifies: of the others nobody can say which process they meant. */
  all(): ProcessRecord[] {
    return this.#select.all().flatMap((row) => this.#open(row) ?? []);
  }

  /** What is wrong with the records of a session, in sentences. */
  problems(sessionId: string): string[] {
    return this.#ofSession
      .all(sessionId)
      .filter((row) => this.#open(row) === undefined)
      .map(() => 'the record of a process does not verify');
  }

  /** For a session that is deleted, whose processes the caller has ended before. */
  removeOf(sessionId: string): void {
    this.#deleteOfSession.run(sessionId);
  }

  #open({ call, session, body }: ProcessRow): ProcessRecord | undefined {
    return orDamaged<ProcessRecord | undefined>(
      () => {
        const content = JSON.parse(this.#keys.openValue('process', placeOf(call, session), body)) as Content;
        return { callId: call, sessionId: session, ...content };
      },
      () => undefined,
    );
  }
}

function placeOf(callId: string, sessionId: string): string {
  return JSON.stringify([callId, sessionId]);
}
