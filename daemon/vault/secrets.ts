/** Small encrypted values that belong to no session: provider keys. */
import { TamperError } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';

interface Secret {
  readonly id: number;
  /** Undefined when it does not verify; nobody knows then whose it was. */
  readonly content: { readonly name: string; readonly value: string } | undefined;
}

export class SecretStore {
  readonly #db: Db;
  readonly #keys: StoreKeys;

  constructor(db: Db, keys: StoreKeys) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Null removes it. What does not verify can never be used again, and makes room for the new value. */
  set(name: string, value: string | null): void {
    const remove = this.#db.prepare<[number]>('DELETE FROM secret WHERE id = ?');
    for (const { id, content } of this.#all()) if (content === undefined || content.name === name) remove.run(id);
    if (value === null) return;
    const id = this.#db.prepare<[], number>('SELECT coalesce(max(id), 0) + 1 FROM secret').pluck().get() ?? 1;
    const body = this.#keys.sealValue('secret', `secret:${id}`, JSON.stringify({ name, value }));
    this.#db.prepare('INSERT INTO secret(id, body) VALUES (?, ?)').run(id, body);
  }

  /** @throws TamperError when it is not there and one that does not verify may be the one. */
  get(name: string): string | null {
    const secrets = this.#all();
    // The newest, should an older one have been put back beside it.
    const found = secrets.findLast(({ content }) => content?.name === name);
    if (found?.content !== undefined) return found.content.value;
    if (secrets.some(({ content }) => content === undefined)) throw new TamperError('a stored key');
    return null;
  }

  /** How many do not verify. */
  damaged(): number {
    return this.#all().filter(({ content }) => content === undefined).length;
  }

  /** Names are encrypted too; there are only ever a handful. */
  #all(): Secret[] {
    return this.#db
      .prepare<[], { id: number; body: Buffer }>('SELECT id, body FROM secret ORDER BY id')
      .all()
      .map(({ id, body }) => ({
        id,
        content: orDamaged<Secret['content']>(
          () => JSON.parse(this.#keys.openValue('secret', `secret:${id}`, body)) as Secret['content'],
          () => undefined,
        ),
      }));
  }
}
