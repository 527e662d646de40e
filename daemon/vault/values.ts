/** Small encrypted values that belong to no session: provider keys and the lines typed at prompts. */
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';

/** Lines typed at prompts that are remembered. */
const HISTORY_LIMIT = 1000;

export class SecretStore {
  readonly #db: Db;
  readonly #keys: StoreKeys;

  constructor(db: Db, keys: StoreKeys) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Null removes it. */
  set(name: string, value: string | null): void {
    const existing = this.#find(name);
    if (existing !== undefined) this.#db.prepare('DELETE FROM secret WHERE id = ?').run(existing.id);
    if (value === null) return;
    const id = this.#db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM secret').pluck().get() ?? 1;
    const body = this.#keys.sealValue('secret', `secret:${id}`, JSON.stringify({ name, value }));
    this.#db.prepare('INSERT INTO secret(id, body) VALUES (?, ?)').run(id, body);
  }

  get(name: string): string | null {
    return this.#find(name)?.value ?? null;
  }

  /** Names are encrypted too; there are only ever a handful. */
  #find(name: string): { id: number; value: string } | undefined {
    for (const row of this.#db.prepare<[], { id: number; body: Buffer }>('SELECT id, body FROM secret').all()) {
      const secret = JSON.parse(this.#keys.openValue('secret', `secret:${row.id}`, row.body)) as {
        name: string;
        value: string;
      };
      if (secret.name === name) return { id: row.id, value: secret.value };
    }
    return undefined;
  }
}

export class HistoryStore {
  readonly #keys: StoreKeys;
  readonly #nextId;
  readonly #insert;
  readonly #trim;
  readonly #newest;

  constructor(db: Db, keys: StoreKeys) {
    this.#keys = keys;
    this.#nextId = db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM history').pluck();
    this.#insert = db.prepare<[number, Buffer]>('INSERT INTO history(id, body) VALUES (?, ?)');
    this.#trim = db.prepare<[number]>('DELETE FROM history WHERE id <= ?');
    this.#newest = db.prepare<[number], { id: number; body: Buffer }>(
      'SELECT id, body FROM history ORDER BY id DESC LIMIT ?',
    );
  }

  add(line: string): void {
    if (this.newest(1)[0] === line) return;
    const id = this.#nextId.get() ?? 1;
    this.#insert.run(id, this.#keys.sealValue('history', `history:${id}`, line));
    this.#trim.run(id - HISTORY_LIMIT);
  }

  /** Newest first. */
  newest(limit: number): string[] {
    return this.#newest.all(limit).map((row) => this.#keys.openValue('history', `history:${row.id}`, row.body));
  }
}
