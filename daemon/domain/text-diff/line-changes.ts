/**
 * Which lines of two texts are the same: the shortest way from one to the other, in linear space (E. W. Myers, “An O(ND)
 * Difference Algorithm and Its Variations”, 1986, section 4b), within a bound on the work.
 */

/** Comparisons, about 70 ms of them. A part for which nothing is left counts as replaced as a whole. */
const MAX_WORK = 4_000_000;

/** A stretch of lines that differs: `oldFrom` to before `oldTo` becomes `newFrom` to before `newTo`, counted from 0. */
export interface LineChange {
  readonly oldFrom: number;
  readonly oldTo: number;
  readonly newFrom: number;
  readonly newTo: number;
}

/** @returns in order; none of them touch. */
export function changesBetween(before: readonly string[], after: readonly string[], maxWork = MAX_WORK): LineChange[] {
  const old = new Side(before.length);
  const new_ = new Side(after.length);
  // A line that the other text does not have is no part of any way: it needs no search.
  const numbers = new Map<string, number>();
  for (const line of after) if (!numbers.has(line)) numbers.set(line, numbers.size);
  old.keepKnown(before, numbers);
  const shared = new Map<string, number>();
  for (const index of old.kept) shared.set(before[index] ?? '', numbers.get(before[index] ?? '') ?? -1);
  new_.keepKnown(after, shared);
  new Search(old, new_, maxWork).run();
  return joined(old.differs, new_.differs);
}

/** One of the two texts: the lines that may be in the other as well, as numbers. */
class Side {
  /** 1 for each line that has no partner. */
  readonly differs: Uint8Array;
  /** Places of the lines that are looked at. */
  readonly kept: number[] = [];
  readonly lines: number[] = [];

  constructor(length: number) {
    this.differs = new Uint8Array(length);
  }

  keepKnown(lines: readonly string[], numbers: ReadonlyMap<string, number>): void {
    for (const [index, line] of lines.entries()) {
      const number = numbers.get(line);
      if (number === undefined) {
        this.differs[index] = 1;
      } else {
        this.kept.push(index);
        this.lines.push(number);
      }
    }
  }

  mark(from: number, to: number): void {
    for (let at = from; at < to; at += 1) this.differs[this.kept[at] ?? 0] = 1;
  }
}

interface Part {
  readonly oldFrom: number;
  readonly oldTo: number;
  readonly newFrom: number;
  readonly newTo: number;
}

class Search {
  readonly #old: Side;
  readonly #new: Side;
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  /** How far each diagonal has come, from the beginning and from the end; diagonal 0 is in the middle. */
  readonly #forward: Int32Array;
  readonly #backward: Int32Array;
  readonly #middle: number;
  #work: number;

  constructor(old: Side, new_: Side, maxWork: number) {
    this.#old = old;
    this.#new = new_;
    this.#a = Int32Array.from(old.lines);
    this.#b = Int32Array.from(new_.lines);
    this.#middle = Math.ceil((this.#a.length + this.#b.length) / 2) + 2;
    this.#forward = new Int32Array(2 * this.#middle + 1);
    this.#backward = new Int32Array(2 * this.#middle + 1);
    this.#work = maxWork;
  }

  run(): void {
    const parts: Part[] = [{ oldFrom: 0, oldTo: this.#a.length, newFrom: 0, newTo: this.#b.length }];
    for (let whole = parts.pop(); whole !== undefined; whole = parts.pop()) {
      const part = this.#trimmed(whole);
      const { oldFrom, oldTo, newFrom, newTo } = part;
      const split = oldFrom === oldTo || newFrom === newTo ? undefined : this.#split(part);
      if (split === undefined) {
        this.#old.mark(oldFrom, oldTo);
        this.#new.mark(newFrom, newTo);
      } else {
        const { x, y } = split;
        parts.push({ oldFrom, oldTo: x, newFrom, newTo: y }, { oldFrom: x, oldTo, newFrom: y, newTo });
      }
    }
  }

  #trimmed({ oldFrom, oldTo, newFrom, newTo }: Part): Part {
    let [a, aEnd, b, bEnd] = [oldFrom, oldTo, newFrom, newTo];
    while (a < aEnd && b < bEnd && this.#a[a] === this.#b[b]) {
      a += 1;
      b += 1;
    }
    while (a < aEnd && b < bEnd && this.#a[aEnd - 1] === this.#b[bEnd - 1]) {
      aEnd -= 1;
      bEnd -= 1;
    }
    return { oldFrom: a, oldTo: aEnd, newFrom: b, newTo: bEnd };
  }

  /** @returns a point on a shortest way through the part, near its middle; undefined when the work is used up. */
  #split(part: Part): { x: number; y: number } | undefined {
    const length = part.oldTo - part.oldFrom;
    const difference = length - (part.newTo - part.newFrom);
    const isOdd = difference % 2 !== 0;
    for (let steps = 0; this.#work > 0; steps += 1) {
      const ahead = this.#round(part, steps, this.#forward, 1, (diagonal, x) => {
        const other = difference - diagonal;
        return isOdd && Math.abs(other) < steps && x + this.#reach(this.#backward, other) >= length;
      });
      if (ahead !== undefined) return { x: part.oldFrom + ahead.x, y: part.newFrom + ahead.y };
      const back = this.#round(part, steps, this.#backward, -1, (diagonal, x) => {
        const other = difference - diagonal;
        return !isOdd && Math.abs(other) <= steps && x + this.#reach(this.#forward, other) >= length;
      });
      if (back !== undefined) return { x: part.oldTo - back.x, y: part.newTo - back.y };
    }
    return undefined;
  }

  /** One step more on every diagonal, from the beginning (direction 1) or from the end (-1). */
  #round(
    { oldFrom, oldTo, newFrom, newTo }: Part,
    steps: number,
    reached: Int32Array,
    direction: 1 | -1,
    meets: (diagonal: number, x: number) => boolean,
  ): { x: number; y: number } | undefined {
    const width = oldTo - oldFrom;
    const height = newTo - newFrom;
    const a = direction === 1 ? oldFrom : oldTo - 1;
    const b = direction === 1 ? newFrom : newTo - 1;
    // What lies beyond the outermost diagonals is of another part; before the first step, one of them is the start.
    reached[this.#middle - steps - 1] = -1;
    reached[this.#middle + steps + 1] = steps === 0 ? 0 : -1;
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const below = this.#reach(reached, diagonal + 1);
      const beside = this.#reach(reached, diagonal - 1);
      const down = below >= 0 && below - diagonal <= height ? below : -1;
      const right = beside >= 0 && beside < width ? beside + 1 : -1;
      let x = Math.max(down, right);
      if (x < 0) {
        reached[this.#middle + diagonal] = -1;
        continue;
      }
      let y = x - diagonal;
      const start = x;
      while (x < width && y < height && this.#a[a + direction * x] === this.#b[b + direction * y]) {
        x += 1;
        y += 1;
      }
      this.#work -= 1 + x - start;
      reached[this.#middle + diagonal] = x;
      if (meets(diagonal, x)) return { x, y };
    }
    return undefined;
  }

  #reach(reached: Int32Array, diagonal: number): number {
    return reached[this.#middle + diagonal] ?? -1;
  }
}

/** Differing lines that stand between the same two common lines are one change. */
function joined(old: Uint8Array, new_: Uint8Array): LineChange[] {
  const changes: LineChange[] = [];
  let x = 0;
  let y = 0;
  while (x < old.length || y < new_.length) {
    const [oldFrom, newFrom] = [x, y];
    while (old[x] === 1) x += 1;
    while (new_[y] === 1) y += 1;
    if (x > oldFrom || y > newFrom) changes.push({ oldFrom, oldTo: x, newFrom, newTo: y });
    x += 1;
    y += 1;
  }
  return changes;
}
