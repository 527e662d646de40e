/** Brings files back: says what would be done, then does it while no turn changes any. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import { explained } from './missing-snapshot.ts';
import type { SessionHead, VaultPort } from './ports.ts';
import { Repeatable } from './repeatable.ts';
import { running } from './runner-refusals.ts';
import type { WorkspacesPort } from './snapshot-port.ts';
import { storedFiles } from './snapshot-service.ts';
import type { TurnService } from './turn-service.ts';
import { requireWorkspace } from './turn-start.ts';
import { overlap, type WorkspaceHolds } from './workspace-holds.ts';

/** Restores that are remembered, so that asking again does not bring back anything twice. */
const REMEMBERED = 50;

export interface RestoreParts {
  readonly vault: VaultPort;
  readonly turns: TurnService;
  readonly workspaces: WorkspacesPort;
  readonly holds: WorkspaceHolds;
}

export class RestoreService {
  readonly #parts: RestoreParts;
  readonly #applied = new Repeatable<ResultOf<'restore/apply'>>(REMEMBERED);

  constructor(parts: RestoreParts) {
    this.#parts = parts;
  }

  /** @throws ProtocolError CONFLICT while a turn runs that may change these files, NOT_FOUND */
  async plan(params: ParamsOf<'restore/plan'>): Promise<ResultOf<'restore/plan'>> {
    const { vault, turns, workspaces } = this.#parts;
    const { sessionId, target } = params;
    const head = await this.#headOf(sessionId);
    if (turns.current(sessionId) !== undefined) throw running();
    this.#refuseOthers(head);
    const newestTurn = turns.finishedTurns(head);
    if (target.kind === 'turn' && target.turn > newestTurn) {
      throw new ProtocolError('NOT_FOUND', `turn ${target.turn} does not exist; the newest one is ${newestTurn}`);
    }
    try {
      return await (await storedFiles(workspaces, head.workspace)).plan({ params, newestTurn });
    } catch (error) {
      throw await explained(vault, error, head, target.kind === 'turn' ? [target] : []);
    }
  }

  /** @throws ProtocolError CONFLICT while a turn runs that may change these files, NOT_FOUND for a plan that is over. */
  async apply({ opId, sessionId, planId }: ParamsOf<'restore/apply'>): Promise<ResultOf<'restore/apply'>> {
    return await this.#applied.once(opId, JSON.stringify([sessionId, planId]), async () => {
      const { turns, workspaces, holds } = this.#parts;
      const head = await this.#headOf(sessionId);
      const files = await storedFiles(workspaces, head.workspace);
      return await turns.occupy(sessionId, async () => {
        // Nothing may come between looking and holding.
        this.#refuseOthers(head);
        return await holds.during(head.workspace, () => files.apply(sessionId, planId).catch(planAgain));
      });
    });
  }

  async #headOf(sessionId: string): Promise<SessionHead> {
    const head = await this.#parts.vault.head(sessionId);
    requireWorkspace(head.workspace);
    return head;
  }

  /** A turn that waits is not in the way: what it does next waits until the files are back. */
  #refuseOthers({ id, workspace }: SessionHead): void {
    const other = this.#parts.turns
      .running()
      .find((place) => place.sessionId !== id && overlap(place.workspace, workspace));
    if (other === undefined) return;
    throw new ProtocolError('CONFLICT', `turn ${other.turn} of session ${other.sessionId} runs in ${other.workspace}`, {
      hint: 'Wait for its end, or cancel it.',
      retryable: true,
    });
  }
}

function planAgain(error: unknown): never {
  if (!(error instanceof ProtocolError) || error.kind !== 'NOT_FOUND') throw error;
  throw new ProtocolError('NOT_FOUND', error.message, {
    hint:
      'A plan is good for ten minutes, and while the daemon runs: plan it again. ' +
      'A restore that the end of the daemon cut off was completed by the next one.',
    cause: error,
  });
}
