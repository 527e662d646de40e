/** Which files a person wants back, as it is typed: the number of a turn, or the id of a snapshot taken by hand. */
import { usageError } from '../command-line/failure.ts';
import type { RestoreTarget, SnapshotPhase } from '../../protocol/snapshot.ts';

const TAKEN = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** @returns the id of a snapshot that was taken by hand; undefined for what cannot be one. */
export function takenId(typed: string | undefined): string | undefined {
  const id = typed?.toUpperCase() ?? '';
  return TAKEN.test(id) ? id : undefined;
}

/**
 * @param turnOf reads the number of a turn. @param phase as it was given.
 * @returns the target, and what is brought back in words.
 * @throws ProtocolError INVALID_PARAMS for neither, and for a phase of what has none.
 */
export function restorePoint(
  typed: string | undefined,
  turnOf: (typed: string | undefined) => number,
  phase: SnapshotPhase | undefined,
): { readonly target: RestoreTarget; readonly what: string } {
  const id = takenId(typed);
  if (id === undefined) {
    const turn = turnOf(typed);
    const target = { kind: 'turn', turn, phase: phase ?? 'pre' } as const;
    return { target, what: `the files from ${target.phase === 'pre' ? 'before' : 'after'} turn ${turn}` };
  }
  if (phase !== undefined) throw usageError('--phase is about a turn', `${id} was taken at one moment.`);
  return { target: { kind: 'taken', id }, what: `the files of the snapshot ${id}` };
}
