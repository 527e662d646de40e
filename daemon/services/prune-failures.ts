/** Workspaces in which clearing up fails again and again. */
import type { ResultOf } from '../../protocol/methods.ts';

export interface PruneFailure {
  readonly workspace: string;
  /** The newest reason, for a person. */
  readonly problem: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** In a row. */
  readonly times: number;
}

/** More are not remembered: somebody who does not look at fifty does not look at a hundred. */
const MOST = 50;
/** What fails once may be over by itself. */
const LASTING = 2;

/**
 * @param isWhole every workspace of which anything is stored was cleared up: what is known of others goes.
 * @returns what is known after a clearing up.
 */
export function failuresAfter(
  known: readonly PruneFailure[],
  pruned: ResultOf<'snapshot/prune'>['workspaces'],
  isWhole: boolean,
  now: number,
): PruneFailure[] {
  const before = new Map(known.map((failure) => [failure.workspace, failure]));
  const looked = new Set(pruned.map(({ workspace }) => workspace));
  const others = isWhole ? [] : known.filter(({ workspace }) => !looked.has(workspace));
  const failed = pruned.flatMap(({ workspace, problem }) => {
    if (problem === '') return [];
    const { since = now, times = 0 } = before.get(workspace) ?? {};
    return [{ workspace, problem, since, times: times + 1 }];
  });
  return [...failed, ...others].slice(0, MOST);
}

export function lasting(failures: readonly PruneFailure[]): readonly PruneFailure[] {
  return failures.filter(({ times }) => times >= LASTING);
}

/** What was stored is not believed blindly. */
export function failuresIn(value: unknown): PruneFailure[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isFailure).map(({ workspace, problem, since, times }) => ({ workspace, problem, since, times }));
}

function isFailure(value: unknown): value is PruneFailure {
  if (typeof value !== 'object' || value === null) return false;
  const { workspace, problem, since, times } = value as Partial<Record<keyof PruneFailure, unknown>>;
  return (
    typeof workspace === 'string' && typeof problem === 'string' && Number.isFinite(since) && Number.isFinite(times)
  );
}
