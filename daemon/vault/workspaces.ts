/** Workspaces by number: the path is stored once, encrypted, and sessions name a number that tells nothing. */
import { TamperError } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';

export class WorkspaceStore {
  readonly #db: Db;
  readonly #keys: StoreKeys;
  readonly #byPath = new Map<string, number>();
  readonly #byNumber = new Map<number, string>();

  constructor(db: Db, keys: StoreKeys) {
    this.#db = db;
    this.#keys = keys;
    this.reload();
  }

  /** Reads everything again, after a rollback may have removed what is remembered here. */
  reload(): void {
    this.#byPath.clear();
    this.#byNumber.clear();
    for (const row of this.#db.prepare<[], { id: number; path: Buffer }>('SELECT id, path FROM workspace').all()) {
      const path = orDamaged(
        () => this.#keys.openValue('workspace', `workspace:${row.id}`, row.path),
        () => '',
      );
      if (path !== '') this.#remember(row.id, path);
    }
  }

  /**
   * Number of a path; a new one is given to a path that has none.
   * @throws TamperError for what stands in the place of a damaged path.
   */
  numberOf(path: string): number {
    if (path === '') throw new TamperError('the path of its workspace');
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    const next = this.#db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM workspace').pluck().get() ?? 1;
    const sealed = this.#keys.sealValue('workspace', `workspace:${next}`, path);
    this.#db.prepare('INSERT INTO workspace(id, path) VALUES (?, ?)').run(next, sealed);
    this.#remember(next, path);
    return next;
  }

  /** Forgets the paths that no session, no save and no rule names any more, and of which no files are kept. */
  removeUnused(): void {
    const { changes } = this.#db
      .prepare(
        `DELETE FROM workspace WHERE id NOT IN
           (SELECT workspace FROM session UNION SELECT workspace FROM save UNION SELECT workspace FROM rule
            UNION SELECT workspace FROM workspace_key)`,
      )
      .run();
    if (changes > 0) this.reload();
  }

  /** Number of a path, if it has one. */
  find(path: string): number | undefined {
    return this.#byPath.get(path);
  }

  /** How many paths do not verify. */
  damaged(): number {
    const rows = this.#db.prepare<[], number>('SELECT count(*) FROM workspace').pluck().get() ?? 0;
    return rows - this.#byNumber.size;
  }

  /** Empty when the path does not verify. */
  pathOf(number: number): string {
    return this.#byNumber.get(number) ?? '';
  }

  #remember(number: number, path: string): void {
    this.#byPath.set(path, number);
    this.#byNumber.set(number, path);
  }
}
