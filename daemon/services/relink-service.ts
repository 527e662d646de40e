/** A directory was moved: its sessions go on at the new path, with the snapshots of the old one. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { SessionHead, VaultPort } from './ports.ts';
import { Repeatable } from './repeatable.ts';
import type { WorkspacesPort } from './snapshot-port.ts';
import type { TurnService } from './turn-service.ts';
import type { WorkspaceHolds } from './workspace-holds.ts';

/** Moves that are remembered, so that asking again is answered as the first time. */
const REMEMBERED = 50;
const ALL = 1_000_000;

export interface RelinkParts {
  readonly vault: Pick<VaultPort, 'list' | 'head' | 'relinkWorkspace'>;
  readonly turns: Pick<TurnService, 'isBusy' | 'headChanged'>;
  readonly workspaces: WorkspacesPort;
  readonly holds: WorkspaceHolds;
  /** Tells whoever watches the list. */
  readonly changed: (head: SessionHead) => void;
}

export class RelinkService {
  readonly #parts: RelinkParts;
  readonly #done = new Repeatable<ResultOf<'snapshot/relink'>>(REMEMBERED);

  constructor(parts: RelinkParts) {
    this.#parts = parts;
  }

  /**
   * @throws ProtocolError NOT_FOUND when nothing is known of the old path; CONFLICT while a turn runs or waits at one of them,
   *   and when there are snapshots of the new one; INVALID_PARAMS when that is no directory; REFUSED when it is none of a
   *   project.
   */
  async relink({ opId, from, to }: ParamsOf<'snapshot/relink'>): Promise<ResultOf<'snapshot/relink'>> {
    if (from === to) throw new ProtocolError('INVALID_PARAMS', 'the old path and the new one are the same');
    return await this.#done.once(opId, JSON.stringify([from, to]), async () => {
      const { workspaces, holds } = this.#parts;
      await workspaces.requireDirectory(to);
      // A turn could not tell the thread anything any more once that was ended.
      for (const path of [from, to]) await this.#refuseBusy(path);
      await workspaces.of(to);
      await workspaces.removeIfEmpty(to);
      const moved = await holds.during(from, () => workspaces.moving(from, to, () => this.#move(from, to)));
      for (const id of moved) await this.#tell(id);
      return { sessions: moved.length };
    });
  }

  async #move(from: string, to: string): Promise<string[]> {
    const { vault } = this.#parts;
    for (const path of [from, to]) await this.#refuseBusy(path);
    return await vault.relinkWorkspace(from, to);
  }

  async #refuseBusy(workspace: string): Promise<void> {
    const { vault, turns } = this.#parts;
    const { heads } = await vault.list({ workspace, archived: 'include', limit: ALL });
    const busy = heads.find(({ id }) => turns.isBusy(id));
    if (busy === undefined) return;
    throw new ProtocolError('CONFLICT', `a turn of session ${busy.id} runs or waits in ${workspace}`, {
      hint: 'Wait for its end, or cancel it.',
      retryable: true,
    });
  }

  async #tell(id: string): Promise<void> {
    const { vault, turns, changed } = this.#parts;
    const head = await vault.head(id);
    turns.headChanged(head);
    changed(head);
  }
}
