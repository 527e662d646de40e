/** A directory was moved: its sessions, its saves and the key of its snapshots go to the new path. */
import { ProtocolError } from '../../protocol/errors.ts';
import { orDamaged } from './damage.ts';
import type { Db } from './database.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { RuleStore } from './rules.ts';
import type { SaveStore } from './saves.ts';
import { fixedPart } from './session-head.ts';
import type { SessionStore } from './sessions.ts';
import type { WorkspaceKeyStore } from './workspace-keys.ts';
import type { WorkspaceStore } from './workspaces.ts';

export interface RelinkerParts {
  readonly sessions: SessionStore;
  readonly saves: SaveStore;
  readonly rules: RuleStore;
  readonly workspaces: WorkspaceStore;
  readonly workspaceKeys: WorkspaceKeyStore;
}

export class Relinker {
  readonly #db: Db;
  readonly #keys: StoreKeys;
  readonly #parts: RelinkerParts;

  constructor(db: Db, keys: StoreKeys, parts: RelinkerParts) {
    this.#db = db;
    this.#keys = keys;
    this.#parts = parts;
  }

  /**
   * What does not verify stays where it is. Rules go: what may be done without asking was said of another place.
   * @returns ids of the sessions that work at the new path from now on.
   * @throws ProtocolError NOT_FOUND when nothing is known of the old path, CONFLICT when both have snapshots, TAMPERED
   */
  relink(from: string, to: string): string[] {
    const { workspaces, workspaceKeys, rules, saves } = this.#parts;
    const old = workspaces.find(from);
    if (old === undefined) throw new ProtocolError('NOT_FOUND', `nothing is known of ${from}`);
    const next = workspaces.numberOf(to);
    workspaceKeys.move(from, to);
    const moved = this.#moveSessions(old, next);
    saves.relocate(old, next);
    rules.removeOfWorkspace(old);
    workspaces.removeUnused();
    return moved;
  }

  #moveSessions(from: number, to: number): string[] {
    const { sessions } = this.#parts;
    const ids = this.#db.prepare<[number], string>('SELECT id FROM session WHERE workspace = ?').pluck().all(from);
    const update = this.#db.prepare<[number, number]>('UPDATE session SET workspace = ? WHERE number = ?');
    return ids.flatMap((id) => {
      const state = orDamaged(
        () => sessions.load(id),
        () => undefined,
      );
      if (state === undefined) return [];
      update.run(to, state.number);
      const moved = { ...state, workspace: to };
      sessions.write({ ...moved, fixed: fixedPart(this.#keys.storeId, moved) });
      sessions.forget(id);
      return [id];
    });
  }
}
