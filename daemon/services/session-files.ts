/** The snapshots that belong to a session: handed on when it is forked, forgotten when it is deleted. */
import { ProtocolError } from '../../protocol/errors.ts';
import { fulfilsWithin } from './deadline.ts';
import type { SessionHead } from './ports.ts';
import type { WorkspaceFiles, WorkspacesPort } from './snapshot-port.ts';

/** How long a fork or a deletion waits for the thread of its workspace, in milliseconds. */
const WAIT_MS = 5_000;

export class SessionFiles {
  readonly #workspaces: WorkspacesPort;
  readonly #report: (error: unknown) => string;

  constructor(workspaces: WorkspacesPort, report: (error: unknown) => string) {
    this.#workspaces = workspaces;
    this.#report = report;
  }

  /** A fork has the snapshots of the turns that it shares, unless it works in another directory. Never rejects. */
  async forked(from: { readonly sessionId: string; readonly workspace: string }, fork: SessionHead): Promise<void> {
    const { parent } = fork;
    if (parent === null || from.workspace !== fork.workspace) return;
    await this.#told(from.workspace, (files) => files.copySession(from.sessionId, fork.id, parent.turn));
  }

  /** Nobody can look at the snapshots of this session any more. Never rejects: a deletion goes on without. */
  async forget({ id, workspace }: SessionHead): Promise<void> {
    await this.#told(workspace, (files) => files.forgetSession(id));
    await this.#done(workspace, () => this.#workspaces.removeIfEmpty(workspace));
  }

  async #told(root: string, tell: (files: WorkspaceFiles) => Promise<void>): Promise<void> {
    await this.#done(root, async () => {
      if (await this.#workspaces.has(root)) await tell(await this.#workspaces.of(root));
    });
  }

  async #done(root: string, work: () => Promise<void>): Promise<void> {
    if (root === '') return;
    try {
      // It is done in its order when it comes late.
      if (!(await fulfilsWithin(work(), WAIT_MS))) throw new ProtocolError('DEADLINE', 'the workspace thread is busy');
    } catch (error) {
      this.#report(error);
    }
  }
}
