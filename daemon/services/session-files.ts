/** The snapshots that belong to a session: handed on when it is forked, forgotten when it is deleted. */
import { ProtocolError } from '../../protocol/errors.ts';
import { fulfilsWithin } from './deadline.ts';
import type { SessionHead } from './ports.ts';
import type { PruneOrder, WorkspaceFiles, WorkspacesPort } from './snapshot-port.ts';
import { isStoreClosed } from './store-closed.ts';

/** How long a fork or a deletion waits for the thread of its workspace, in milliseconds. */
const WAIT_MS = 5_000;
/** And for the room of what was deleted. */
const LEFTOVERS_WAIT_MS = 20_000;

/** Nothing goes but what nobody needs any more. */
const LEFTOVERS: Omit<PruneOrder, 'now'> = {
  protections: { pinned: new Set(), live: new Set(), saves: [] },
  seen: undefined,
  maxAgeMs: Infinity,
  maxBytes: Infinity,
  thorough: true,
  dryRun: false,
};

export class SessionFiles {
  readonly #workspaces: WorkspacesPort;
  readonly #failed: (error: unknown) => void;

  /** @param failed puts into the log what did not succeed. */
  constructor(workspaces: WorkspacesPort, failed: (error: unknown) => void) {
    this.#workspaces = workspaces;
    this.#failed = failed;
  }

  /** A fork has the snapshots of the turns that it shares, unless it works in another directory. Never rejects. */
  async forked(from: { readonly sessionId: string; readonly workspace: string }, fork: SessionHead): Promise<void> {
    const { parent } = fork;
    if (parent === null || from.workspace !== fork.workspace) return;
    await this.#told(from.workspace, (files) => files.copySession(from.sessionId, fork.id, parent.turn));
  }

  /**
   * Nobody can look at the snapshots of this session any more, and what only they needed leaves the disk: mostly before this
   * resolves, otherwise soon after. Never rejects: a deletion goes on without.
   */
  async forget({ id, workspace }: SessionHead): Promise<void> {
    let hadAny = false;
    await this.#told(workspace, async (files) => {
      hadAny = await files.forgetSession(id);
    });
    await this.#done(workspace, () => this.#workspaces.removeIfEmpty(workspace));
    if (!hadAny) return;
    const prune = async (files: WorkspaceFiles): Promise<void> => {
      await files.prune({ ...LEFTOVERS, now: Date.now() });
    };
    await this.#told(workspace, prune, LEFTOVERS_WAIT_MS);
  }

  async #told(root: string, tell: (files: WorkspaceFiles) => Promise<void>, waitMs = WAIT_MS): Promise<void> {
    const tellIfThere = async (): Promise<void> => {
      if (await this.#workspaces.has(root)) await tell(await this.#workspaces.of(root));
    };
    await this.#done(root, tellIfThere, waitMs);
  }

  async #done(root: string, work: () => Promise<void>, waitMs = WAIT_MS): Promise<void> {
    if (root === '') return;
    try {
      // It is done in its order when it comes late.
      if (!(await fulfilsWithin(work(), waitMs))) throw new ProtocolError('DEADLINE', 'the workspace thread is busy');
    } catch (error) {
      // A fork or a deletion whose answer was lost is asked for again.
      if (!isStoreClosed(error)) this.#failed(error);
    }
  }
}
