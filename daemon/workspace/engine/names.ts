/**
 * The names under which a side repository keeps commits.
 *
 * - `snap/<session>/<turn>-pre|post` and `taken/<id>`: snapshots.
 * - `call/<session>/<turn>/<n>`: what a call of a turn changed, until the turn ends.
 * - `turn/<session>/<turn>`: what a turn changed.
 * - `open/<session>/<turn>`: the files before a command that runs.
 * - `restore/<session>/<n>`: the files before a restore, and what it did.
 * - `newest`: the newest snapshot.
 */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { PointName, TurnRef } from '../../services/snapshot-port.ts';
import type { SnapshotPhase } from '../../../protocol/snapshot.ts';

export const NEWEST = 'newest';
export const SNAPSHOTS = 'snap';
export const TAKEN = 'taken';
export const CUT_OFF = 'open';
/** Everything that a session has names for. */
export const OF_SESSION = [SNAPSHOTS, 'call', 'turn', CUT_OFF, 'restore'] as const;

/** @throws ProtocolError INVALID_PARAMS for a point of a turn without a session. */
export function snapshotName({ sessionId, point }: PointName): string {
  if (point.kind === 'taken') return `${TAKEN}/${point.id}`;
  if (sessionId === undefined)
    throw new ProtocolError('INVALID_PARAMS', 'a turn belongs to a session: name the session');
  return turnSnapshotName({ sessionId, turn: point.turn }, point.phase);
}

export function turnSnapshotName({ sessionId, turn }: TurnRef, phase: SnapshotPhase): string {
  return `${SNAPSHOTS}/${sessionId}/${turn}-${phase}`;
}

export function turnName({ sessionId, turn }: TurnRef): string {
  return `turn/${sessionId}/${turn}`;
}

/** All that is below it are calls of the turn. */
export function callsName({ sessionId, turn }: TurnRef): string {
  return `call/${sessionId}/${turn}`;
}

export function openName({ sessionId, turn }: TurnRef): string {
  return `${CUT_OFF}/${sessionId}/${turn}`;
}

export function restoresName(sessionId: string): string {
  return `restore/${sessionId}`;
}

/** @returns undefined for a name that is not of a snapshot. */
export function pointOf(name: string): PointName | undefined {
  const [kind, first, second] = name.split('/');
  if (kind === TAKEN && first !== undefined) return { sessionId: undefined, point: { kind: 'taken', id: first } };
  const [, turn, phase] = /^(\d+)-(pre|post)$/.exec(second ?? '') ?? [];
  if (kind !== SNAPSHOTS || first === undefined || (phase !== 'pre' && phase !== 'post')) return undefined;
  return { sessionId: first, point: { kind: 'turn', turn: Number(turn), phase } };
}

/** The number at the end of a name, of a turn, a call or a restore. */
export function numberOf(name: string): number {
  return Number.parseInt(name.slice(name.lastIndexOf('/') + 1), 10);
}

/** For a person: `the files before turn 3`. */
export function describePoint({ point }: PointName): string {
  if (point.kind === 'taken') return `the files of ${point.id}`;
  return `the files ${point.phase === 'pre' ? 'before' : 'after'} turn ${point.turn}`;
}
