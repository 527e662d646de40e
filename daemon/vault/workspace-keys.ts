/** The key of each workspace whose files are kept, and the name of the directory they are kept in. */
import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { WorkspaceKey } from '../services/workspace-key-port.ts';
import { TamperError, requireTexts } from './cipher.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { WorkspaceStore } from './workspaces.ts';

const DIRECTORY_BYTES = 16;
const DIRECTORY = /^[0-9a-f]{32}$/;

interface KeyRow {
  readonly workspace: number;
  readonly directory: string;
  readonly key: Buffer;
}

/**
 * Everything that is kept of a workspace is encrypted under a random key of its own, which the store wraps. The wrapped key
 * is bound to its number, its path and its directory, so that nobody can lend one workspace the files of another. A row that
 * was removed, or that names a workspace nobody can read, is not missed here: the workspace then begins anew, in another
 * directory.
 */
export class WorkspaceKeyStore {
  readonly #keys: StoreKeys;
  readonly #workspaces: WorkspaceStore;
  readonly #select;
  readonly #selectAll;
  readonly #insert;
  readonly #delete;

  constructor(db: Db, keys: StoreKeys, workspaces: WorkspaceStore) {
    this.#keys = keys;
    this.#workspaces = workspaces;
    this.#select = db.prepare<[number], KeyRow>('SELECT * FROM workspace_key WHERE workspace = ?');
    this.#selectAll = db.prepare<[], KeyRow>('SELECT * FROM workspace_key ORDER BY workspace');
    this.#insert = db.prepare<[number, string, Buffer]>(
      'INSERT INTO workspace_key(workspace, directory, key) VALUES (?, ?, ?)',
    );
    this.#delete = db.prepare<[number]>('DELETE FROM workspace_key WHERE workspace = ?');
  }

  /**
   * The key of a path; a new one for a path that has none.
   * @throws ProtocolError TAMPERED when there is one that does not verify: another in its place would hide what it opens.
   */
  of(path: string): WorkspaceKey {
    const workspace = this.#workspaces.numberOf(path);
    const row = this.#select.get(workspace);
    if (row === undefined) return this.#create(workspace, path);
    return orDamaged(
      () => this.#open(row, path),
      () => {
        throw new ProtocolError('TAMPERED', `stored data does not verify: the key of the snapshots of ${path}`, {
          hint: 'They can be read again with a backup of the store. The files of the directory itself are as they were.',
        });
      },
    );
  }

  /** Without the keys. What does not verify is left out: nobody can say which directory it means. */
  all(): { path: string; id: string }[] {
    return this.#selectAll.all().flatMap((row) => this.#verified(row) ?? []);
  }

  /** Also those whose key does not verify: a backup may open them again. */
  directories(): string[] {
    return this.#selectAll.all().map(({ directory }) => String(directory));
  }

  /**
   * The key of a path becomes that of another one; what is encrypted under it stays as it is.
   * @throws ProtocolError CONFLICT when that has one already, TAMPERED
   */
  move(from: string, to: string): void {
    const old = this.#workspaces.find(from);
    if (old === undefined || this.#select.get(old) === undefined) return;
    const workspace = this.#workspaces.numberOf(to);
    if (this.#select.get(workspace) !== undefined) {
      throw new ProtocolError('CONFLICT', `there are snapshots of ${to} already`);
    }
    const { id, key } = this.of(from);
    this.#delete.run(old);
    this.#insert.run(workspace, id, this.#keys.wrap(ownerOf(workspace, to, id), key));
  }

  remove(path: string): void {
    const workspace = this.#workspaces.find(path);
    if (workspace === undefined) return;
    this.#delete.run(workspace);
    this.#workspaces.removeUnused();
  }

  /** How many do not verify. */
  damaged(): number {
    return this.#selectAll.all().filter((row) => this.#verified(row) === undefined).length;
  }

  #create(workspace: number, path: string): WorkspaceKey {
    const id = randomBytes(DIRECTORY_BYTES).toString('hex');
    const { key, wrapped } = this.#keys.generate(ownerOf(workspace, path, id));
    this.#insert.run(workspace, id, wrapped);
    return { id, key };
  }

  /** @throws TamperError */
  #open({ workspace, directory, key }: KeyRow, path: string): WorkspaceKey {
    requireTexts(directory);
    // It becomes part of a path.
    if (path === '' || !DIRECTORY.test(directory)) throw new TamperError('the key of a workspace');
    return { id: directory, key: this.#keys.unwrap(ownerOf(workspace, path, directory), key) };
  }

  #verified(row: KeyRow): { path: string; id: string } | undefined {
    const path = this.#workspaces.pathOf(row.workspace);
    return orDamaged<{ path: string; id: string } | undefined>(
      () => ({ path, id: this.#open(row, path).id }),
      () => undefined,
    );
  }
}

/** A number may be given again, to another path. */
function ownerOf(workspace: number, path: string, directory: string): string {
  return `workspace:${JSON.stringify([workspace, path, directory])}`;
}
