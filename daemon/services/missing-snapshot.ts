/** Why there is no snapshot of a turn, for a person: what was not found may never have been there. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { SnapshotPoint } from '../../protocol/snapshot.ts';
import type { TurnState } from '../../protocol/turn.ts';
import type { SessionHead, VaultPort } from './ports.ts';
import { listTurns } from './turn-list.ts';

const OVER: ReadonlySet<string> = new Set<TurnState>(['completed', 'failed', 'cancelled']);

/**
 * @param points of the session that were asked for.
 * @returns the error itself, or one that says more.
 */
export async function explained(
  vault: VaultPort,
  error: unknown,
  head: SessionHead | undefined,
  points: readonly SnapshotPoint[],
): Promise<unknown> {
  const asked = points.filter((point) => point.kind === 'turn');
  const turns = asked.map(({ turn }) => turn);
  const isMissing = error instanceof ProtocolError && error.kind === 'NOT_FOUND';
  if (!isMissing || head === undefined) return error;
  const beyond = turns.find((turn) => turn > head.turns);
  if (beyond !== undefined) {
    return notFound(`turn ${beyond} does not exist; the newest one is ${head.turns}`, '', error);
  }
  const ends = asked.flatMap(({ turn, phase }) => (phase === 'post' ? [turn] : []));
  return (
    (await ofParent(vault, error, head, turns)) ??
    (await notRestorable(vault, error, head, turns)) ??
    (await notOver(vault, error, head, ends)) ??
    error
  );
}

/** A fork in another directory does not have the snapshots of the turns that it shares. */
async function ofParent(
  vault: VaultPort,
  error: ProtocolError,
  { parent, workspace: own }: SessionHead,
  turns: readonly number[],
): Promise<ProtocolError | undefined> {
  const turn = turns.length === 0 ? undefined : Math.min(...turns);
  if (parent === null || turn === undefined || turn > parent.turn) return undefined;
  const workspace = await workspaceOf(vault, parent.sessionId);
  if (workspace === undefined || workspace === own) return undefined;
  const hint = `Its snapshots belong to the session it was forked from: ${parent.sessionId}`;
  return notFound(`turn ${turn} was made in ${workspace}, before this session was forked`, hint, error);
}

/** A turn whose files could not be captured has said so at its end. */
async function notRestorable(
  vault: VaultPort,
  error: ProtocolError,
  { id: sessionId }: SessionHead,
  turns: readonly number[],
): Promise<ProtocolError | undefined> {
  for (const turn of turns) {
    const listed = await listTurns(vault, { sessionId, before: turn + 1, limit: 1 }, undefined);
    const snapshot = listed.turns.at(0)?.snapshot ?? undefined;
    if (snapshot?.restorable === false) {
      return notFound(`the files before turn ${turn} were not captured: ${snapshot.reason}`, '', error);
    }
  }
  return undefined;
}

/** A turn that runs, or that a crash has cut off, has no end whose files could have been captured. */
async function notOver(
  vault: VaultPort,
  error: ProtocolError,
  { id: sessionId }: SessionHead,
  ends: readonly number[],
): Promise<ProtocolError | undefined> {
  for (const turn of ends) {
    const listed = await listTurns(vault, { sessionId, before: turn + 1, limit: 1 }, undefined);
    const state = listed.turns.at(0)?.state;
    if (state !== undefined && !OVER.has(state)) {
      const hint = `Compare it with the files as they are: /diff ${turn} now`;
      return notFound(`turn ${turn} is not over: the files after it are in no snapshot yet`, hint, error);
    }
  }
  return undefined;
}

/** @returns undefined for a session that is gone. */
async function workspaceOf(vault: VaultPort, sessionId: string): Promise<string | undefined> {
  try {
    return (await vault.head(sessionId)).workspace;
  } catch (error) {
    if (error instanceof ProtocolError && error.kind === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function notFound(message: string, hint: string, cause: ProtocolError): ProtocolError {
  return new ProtocolError('NOT_FOUND', message, { hint, cause });
}
