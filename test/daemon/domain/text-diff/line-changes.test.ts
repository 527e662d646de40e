import { expect, onTestFailed, test } from 'vitest';
import { hunksOf, linesOf, type Hunk } from '../../../../daemon/domain/text-diff/hunks.ts';
import { changesBetween, type LineChange } from '../../../../daemon/domain/text-diff/line-changes.ts';
import { Chance } from '../../../fault/support/seeded.ts';

/** The length of the longest common part, by the table that every textbook has. */
function commonLines(before: readonly string[], after: readonly string[]): number {
  let row = Array.from({ length: after.length + 1 }, () => 0);
  for (const line of before) {
    const next = [0];
    for (const [index, other] of after.entries()) {
      next.push(line === other ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function outAndIn(changes: readonly LineChange[]): { out: number; in: number } {
  return {
    out: changes.reduce((sum, { oldFrom, oldTo }) => sum + oldTo - oldFrom, 0),
    in: changes.reduce((sum, { newFrom, newTo }) => sum + newTo - newFrom, 0),
  };
}

/** Carries out hunks as `patch` would. */
function patched(before: string, hunks: readonly Hunk[]): string {
  const lines = linesOf(before);
  const result: string[] = [];
  let at = 0;
  for (const hunk of hunks) {
    const start = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
    result.push(...lines.slice(at, start));
    at = start;
    expect(result.length).toBe(hunk.newLines === 0 ? hunk.newStart : hunk.newStart - 1);
    for (const { kind, text, unended } of hunk.lines) {
      const line = unended === true ? text : `${text}\n`;
      if (kind !== '+') expect(lines[at]).toBe(line);
      if (kind !== '+') at += 1;
      if (kind !== '-') result.push(line);
    }
  }
  return [...result, ...lines.slice(at)].join('');
}

function randomText(chance: Chance, words: number): string {
  const lines = Array.from({ length: chance.between(0, 30) }, () => String(chance.between(0, words)));
  return lines.join('\n') + (chance.percent(70) && lines.length > 0 ? '\n' : '');
}

function chanceOfThisTest(): Chance {
  const seed = Number(process.env['M_FAULT_SEED'] ?? Math.floor(Math.random() * 1_000_000));
  onTestFailed(() => {
    process.stderr.write(`\nrepeat with M_FAULT_SEED=${seed}\n`);
  });
  return new Chance(seed);
}

test('the way between two texts is a shortest one, and its hunks make the one text from the other', () => {
  const chance = chanceOfThisTest();
  for (let round = 0; round < 3000; round += 1) {
    const words = chance.pick([1, 3, 8, 40]);
    const [before, after] = [randomText(chance, words), randomText(chance, words)];
    const [old, young] = [linesOf(before), linesOf(after)];
    const changes = changesBetween(old, young);
    const common = commonLines(old, young);
    expect(outAndIn(changes)).toEqual({ out: old.length - common, in: young.length - common });
    expect(patched(before, hunksOf(old, young, changes, chance.between(0, 4)))).toBe(after);
  }
});

test('a search that has no work left still tells what makes the one text from the other', () => {
  const chance = chanceOfThisTest();
  for (let round = 0; round < 1000; round += 1) {
    const [before, after] = [randomText(chance, 4), randomText(chance, 4)];
    const [old, young] = [linesOf(before), linesOf(after)];
    const changes = changesBetween(old, young, chance.between(0, 40));
    expect(patched(before, hunksOf(old, young, changes, 3))).toBe(after);
  }
});

test('texts that have nothing in their order in common are compared within a bounded time', () => {
  const chance = chanceOfThisTest();
  const lines = (): string[] => Array.from({ length: 200_000 }, () => String(chance.between(0, 50)));
  const [old, young] = [lines(), lines()];
  const start = performance.now();
  const changes = changesBetween(old, young);
  // A hundred times what it takes; without the bound it is minutes.
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(changes.length).toBeGreaterThan(0);
});

test('a text with other lines altogether is one change', () => {
  expect(changesBetween(['a', 'b'], ['c'])).toEqual([{ oldFrom: 0, oldTo: 2, newFrom: 0, newTo: 1 }]);
  expect(changesBetween([], [])).toEqual([]);
});

test('hunks near each other are one, and sides without lines name the line before', () => {
  const old = linesOf('1\n2\n3\n4\n5\n6\n7\n8\n9\n');
  const young = linesOf('1\n2\nx\n4\n5\n6\n7\n8\ny\n');
  const changes = changesBetween(old, young);
  expect(hunksOf(old, young, changes, 3)).toHaveLength(1);
  expect(hunksOf(old, young, changes, 2).map(({ oldStart, oldLines }) => [oldStart, oldLines])).toEqual([
    [1, 5],
    [7, 3],
  ]);
  expect(hunksOf([], ['a'], changesBetween([], ['a']), 3)).toEqual([
    { oldStart: 0, oldLines: 0, newStart: 1, newLines: 1, lines: [{ kind: '+', text: 'a', unended: true }] },
  ]);
});
