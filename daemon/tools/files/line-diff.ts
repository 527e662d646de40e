/** Which lines of two texts are the same: the shortest way from one to the other (Myers), within a bound. */

/** Lines that are left out and put in on the way; beyond it the rest counts as replaced as a whole. */
const MAX_STEPS = 1_500;

/** A stretch of lines that differs: `oldFrom` to before `oldTo` becomes `newFrom` to before `newTo`, counted from 0. */
export interface Change {
  oldFrom: number;
  oldTo: number;
  newFrom: number;
  newTo: number;
}

export function changesBetween(before: readonly string[], after: readonly string[]): Change[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let oldEnd = before.length;
  let newEnd = after.length;
  while (oldEnd > start && newEnd > start && before[oldEnd - 1] === after[newEnd - 1]) {
    oldEnd -= 1;
    newEnd -= 1;
  }
  const whole: Change = { oldFrom: start, oldTo: oldEnd, newFrom: start, newTo: newEnd };
  if (start === oldEnd && start === newEnd) return [];
  if (start === oldEnd || start === newEnd) return [whole];
  const steps = shortestWay(before.slice(start, oldEnd), after.slice(start, newEnd));
  return steps === undefined ? [whole] : joined(steps, start);
}

interface Step {
  readonly kind: 'out' | 'in';
  /** Position in the old and in the new lines before the step. */
  readonly x: number;
  readonly y: number;
}

/** @returns the steps from the first to the last; undefined when there are too many. */
function shortestWay(before: readonly string[], after: readonly string[]): Step[] | undefined {
  const width = Math.min(MAX_STEPS, before.length + after.length);
  const furthest = new Int32Array(2 * width + 3);
  const at = (diagonal: number) => diagonal + width + 1;
  const trace: Int32Array[] = [];
  for (let steps = 0; steps <= width; steps += 1) {
    trace.push(furthest.slice(at(-steps) - 1, at(steps) + 2));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const down =
        diagonal === -steps ||
        (diagonal !== steps && value(furthest, at(diagonal - 1)) < value(furthest, at(diagonal + 1)));
      let x = down ? value(furthest, at(diagonal + 1)) : value(furthest, at(diagonal - 1)) + 1;
      let y = x - diagonal;
      while (x < before.length && y < after.length && before[x] === after[y]) {
        x += 1;
        y += 1;
      }
      furthest[at(diagonal)] = x;
      if (x >= before.length && y >= after.length) return wayBack(trace, before.length, after.length);
    }
  }
  return undefined;
}

/** @param trace of each number of steps, how far each diagonal had come before; diagonal 0 is in the middle. */
function wayBack(trace: readonly Int32Array[], oldLength: number, newLength: number): Step[] {
  const way: Step[] = [];
  let x = oldLength;
  let y = newLength;
  for (let steps = trace.length - 1; steps > 0; steps -= 1) {
    const before = trace[steps] ?? new Int32Array();
    const at = (diagonal: number) => diagonal + steps + 1;
    const diagonal = x - y;
    const down =
      diagonal === -steps || (diagonal !== steps && value(before, at(diagonal - 1)) < value(before, at(diagonal + 1)));
    const from = down ? diagonal + 1 : diagonal - 1;
    x = value(before, at(from));
    y = x - from;
    way.push({ kind: down ? 'in' : 'out', x, y });
  }
  return way.reverse();
}

function value(values: Int32Array, index: number): number {
  return values[index] ?? 0;
}

/** Steps that touch become one change. */
function joined(steps: readonly Step[], offset: number): Change[] {
  const changes: Change[] = [];
  for (const { kind, x, y } of steps) {
    const last = changes.at(-1);
    const touches = last !== undefined && last.oldTo === x + offset && last.newTo === y + offset;
    const change = touches ? last : { oldFrom: x + offset, oldTo: x + offset, newFrom: y + offset, newTo: y + offset };
    if (!touches) changes.push(change);
    if (kind === 'out') change.oldTo += 1;
    else change.newTo += 1;
  }
  return changes;
}
