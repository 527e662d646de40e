/** Patterns for a path: names between slashes, and `**` for any number of directories. */
import { nameTest, piecesOfPattern, type NameTest } from './name-pattern.ts';

const ANY = Symbol('any number of directories');
type Step = NameTest | typeof ANY;

/** @param path relative, without a slash at either end, as its names. */
export type PathTest = (path: readonly string[]) => boolean;

/**
 * @param pattern relative, without a slash at either end.
 * @returns undefined for a pattern that matches nothing.
 */
export function pathTest(pattern: string, ignoreCase: boolean): PathTest | undefined {
  const pieces = piecesOfPattern(pattern);
  const steps: Step[] = [];
  for (const [index, piece] of pieces.entries()) {
    if (piece === '**') {
      if (steps.at(-1) !== ANY) steps.push(ANY);
      // At the end it stands for what is inside, not for the directory itself.
      if (index === pieces.length - 1) steps.push(() => true);
      continue;
    }
    const test = nameTest(piece, ignoreCase);
    if (test === undefined) return undefined;
    steps.push(test);
  }
  return (path) => leads(steps, path);
}

/** As in a name: only the last `**` ever needs to be tried again. */
function leads(steps: readonly Step[], path: readonly string[]): boolean {
  let step = 0;
  let at = 0;
  let any = -1;
  let anyAt = 0;
  while (at < path.length) {
    const wanted = steps[step];
    if (wanted === ANY) {
      any = step;
      anyAt = at;
      step += 1;
    } else if (wanted?.(path[at] ?? '') === true) {
      step += 1;
      at += 1;
    } else if (any !== -1) {
      step = any + 1;
      anyAt += 1;
      at = anyAt;
    } else {
      return false;
    }
  }
  return steps.slice(step).every((rest) => rest === ANY);
}
