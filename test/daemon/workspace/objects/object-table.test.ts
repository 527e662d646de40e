import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { ObjectTable } from '../../../../daemon/workspace/objects/object-table.ts';

const COUNT = 100_000;
const idOfNumber = (number: number) => createHash('sha1').update(`${number}`).digest('hex');
const placed = (number: number) => ({
  kind: (['blob', 'tree', 'commit'] as const)[number % 3]!,
  deflated: number % 2 === 0,
  tried: number % 5 === 0,
  offset: number,
  stored: 1,
  size: number * 2,
});

function filledTable(): ObjectTable {
  const table = new ObjectTable();
  for (let number = 0; number < COUNT; number += 1) table.add(idOfNumber(number), number % 7, placed(number));
  return table;
}

test('a hundred thousand objects are found, each as it was put in, and no others', () => {
  const table = filledTable();
  for (let number = 0; number < COUNT; number += 1) {
    const entry = table.find(idOfNumber(number));
    if (entry !== number) expect(entry).toBe(number);
  }
  expect(table.find(idOfNumber(COUNT))).toBe(-1);
  expect([table.find(''), table.find('abc'), table.find('z'.repeat(40))]).toEqual([-1, -1, -1]);
  expect(table.placedAt(77)).toEqual(placed(77));
  expect([table.idAt(78), table.packAt(78)]).toEqual([idOfNumber(78), 1]);
});

test('a look into it costs less than ten times one into a map of strings', () => {
  const table = filledTable();
  const ids = Array.from({ length: COUNT }, (_, number) => idOfNumber(number));
  const map = new Map(ids.map((id, number) => [id, number]));
  const best = (look: (id: string) => unknown) =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const start = performance.now();
        for (const id of ids) look(id);
        return performance.now() - start;
      }),
    );
  expect(best((id) => table.find(id))).toBeLessThan(
    10 *
      Math.max(
        5,
        best((id) => map.get(id)),
      ),
  );
});

test('the list of a pack is read back as it was written, one object after the other', () => {
  const table = filledTable();
  const again = new ObjectTable();
  expect(again.addRecords(table.encodeRecords(500, 100))).toBe(100);
  expect(again.count).toBe(100);
  expect([again.idAt(99), again.placedAt(99)]).toEqual([idOfNumber(599), { ...placed(599), offset: 99 }]);
});

test('an entry that is hidden or damaged gives way to another of the same id', () => {
  const table = new ObjectTable();
  const id = idOfNumber(1);
  table.add(id, 0, placed(0));
  table.add(id, 1, placed(1));
  table.markDamaged(0);
  expect([table.find(id), table.find(id, true)]).toEqual([1, 0]);
  table.hide(1, 1);
  expect([table.find(id), table.find(id, true)]).toEqual([-1, 0]);
  table.hide(0, 1);
  expect(table.find(id, true)).toBe(-1);
});
