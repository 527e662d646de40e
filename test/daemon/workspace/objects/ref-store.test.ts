import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RefStore } from '../../../../daemon/workspace/objects/ref-store.ts';
import { TamperedRefs } from '../../../../daemon/workspace/objects/store-errors.ts';
import { someKey, temporaryDirectory } from './support/side.ts';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string];

describe.each([
  ['encrypted', someKey()],
  ['plain', undefined],
])('%s refs', (_, key) => {
  test('are there again, sorted, after they were changed together', () => {
    const directory = join(temporaryDirectory(), 'side');
    const refs = RefStore.open(directory, key);
    expect(refs.list()).toEqual([]);
    refs.change([
      { name: 'snap/one/2-pre', id: A },
      { name: 'snap/one/10-post', id: B },
      { name: 'kept', id: C },
    ]);
    refs.change([
      { name: 'snap/one/2-pre', id: undefined },
      { name: 'snap/two/1-pre', id: A },
    ]);
    for (const each of [refs, RefStore.open(directory, key)]) {
      expect(each.list()).toEqual([
        { name: 'kept', id: C },
        { name: 'snap/one/10-post', id: B },
        { name: 'snap/two/1-pre', id: A },
      ]);
      expect(each.list('snap/one')).toEqual([{ name: 'snap/one/10-post', id: B }]);
      expect([each.get('kept'), each.get('snap/one/2-pre'), each.version]).toEqual([C, undefined, 2]);
    }
    expect(readdirSync(directory)).toEqual(['refs']);
    expect(statSync(join(directory, 'refs')).mode & 0o777).toBe(0o600);
  });

  test('that were changed, cut off, or brought from another store do not open', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'refs');
    RefStore.open(directory, key).change([{ name: 'a', id: A }]);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 4;
      writeFileSync(path, changed);
      expect(() => RefStore.open(directory, key), `byte ${at}`).toThrow(TamperedRefs);
      writeFileSync(path, whole.subarray(0, at));
      expect(() => RefStore.open(directory, key), `${at} bytes`).toThrow(TamperedRefs);
    }
    writeFileSync(path, whole);
    expect(RefStore.open(directory, key).get('a')).toBe(A);
    expect(() => RefStore.open(directory, someKey())).toThrow(/belongs to another key/);
    if (key !== undefined) expect(() => RefStore.open(directory, undefined)).toThrow(TamperedRefs);
  });

  test('change all or not at all', () => {
    const refs = RefStore.open(temporaryDirectory(), key);
    refs.change([{ name: 'snap/a', id: A }]);
    const refused = ['', '/', 'a/', '/a', 'a//b', '../a', 'a.lock', 'a b', 'ä', 'a\n', 'snap/a/below', 'snap'];
    for (const name of refused) {
      const changes = [
        { name: 'fine', id: A },
        { name, id: B },
      ];
      expect(() => refs.change(changes), name).toThrow(RangeError);
    }
    expect(() => refs.change([{ name: 'fine', id: 'short' }])).toThrow(RangeError);
    expect(refs.list()).toEqual([{ name: 'snap/a', id: A }]);
  });
});

test('thousands of refs change together', () => {
  const directory = temporaryDirectory();
  const key = someKey();
  const changes = Array.from({ length: 5000 }, (_, turn) => ({ name: `snap/session/${turn}-pre`, id: A }));
  RefStore.open(directory, key).change(changes);
  expect(RefStore.open(directory, key).list()).toHaveLength(5000);
});
