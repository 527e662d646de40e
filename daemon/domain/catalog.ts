/** Rules of `/sessions`: what `_autosave` names. */

export interface AutosaveCandidate {
  readonly id: string;
  readonly workspace: string;
  readonly turns: number;
  /** Attached in another frontend. */
  readonly elsewhere: boolean;
}

/**
 * `_autosave` is a name, not a file: the session this frontend left by `/reset`; else the most recently changed session
 * with content of this workspace that nobody else has open; else of the store.
 *
 * @param newestFirst candidates in the order of their last change.
 * @param left id of the session that was left by `/reset`.
 */
export function chooseAutosave<T extends AutosaveCandidate>(
  newestFirst: readonly T[],
  workspace: string,
  left: string | undefined,
): T | undefined {
  const usable = newestFirst.filter((candidate) => candidate.turns > 0);
  const free = usable.filter((candidate) => !candidate.elsewhere);
  return (
    usable.find((candidate) => candidate.id === left) ??
    free.find((candidate) => candidate.workspace === workspace) ??
    free[0]
  );
}
