import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../../../daemon/workspace/objects/object.ts';
import { prune } from '../../../../daemon/workspace/prune/prune.ts';
import { someKey, temporaryDirectory, writeSnapshot } from '../objects/support/side.ts';
import { expectWhole, open, partsOf, pruneNow, take, type Files } from './support/prune-rig.ts';

/** 10 KB that no compression makes smaller. */
const body = () => randomBytes(10_000);

describe('clearing up damaged packs', () => {
  /** Two packs of snapshots, and one whose bytes were changed. */
  function damaged(at: (bytes: Buffer) => number, names: readonly string[]) {
    const directory = temporaryDirectory();
    const key = someKey();
    const before = open(directory, key);
    const kept = new Map<string, Files>([['whole', { a: body() }]]);
    take(before, 'whole', kept.get('whole')!);
    const known = new Set(before.store.packs().map(({ name }) => name));
    // Most of it is dead: it would be rewritten.
    const batch = before.store.begin('fast');
    const id = writeSnapshot(batch, { z: body() });
    for (let count = 0; count < 30; count += 1) batch.write('blob', body());
    batch.commit();
    before.refs.change(names.map((name) => ({ name, id })));
    const pack = before.store.packs().find(({ name }) => !known.has(name))!.name;
    const bytes = readFileSync(join(directory, pack));
    bytes[at(bytes)]! ^= 1;
    writeFileSync(join(directory, pack), bytes);
    return { directory, pack, kept, opened: open(directory, key), id };
  }

  test('those that nobody needs go', () => {
    const { opened, kept, directory, pack } = damaged((bytes) => bytes.length - 20, []);
    expect(opened.store.damage()).toMatchObject([{ pack }]);
    expect(pruneNow(opened).freedBytes).toBeGreaterThan(300_000);
    expect(readdirSync(directory)).not.toContain(pack);
    expect(opened.store.damage()).toEqual([]);
    expectWhole(opened, kept);
  });

  test('those stay that may hold what is missing', () => {
    const { opened, directory, pack } = damaged((bytes) => bytes.length - 20, ['lost']);
    expect(pruneNow(opened)).toMatchObject({ damagedObjects: 1, freedBytes: 0 });
    expect(readdirSync(directory)).toContain(pack);
    expect(pruneNow(opened, { expired: ['lost'] }).damagedObjects).toBe(0);
    expect(readdirSync(directory)).not.toContain(pack);
  });

  test('those stay of which something cannot be copied, and the others are cleared up all the same', () => {
    // In the first chunk, where the blob is; trees and commit are read from the same one.
    const { opened, directory, pack, kept } = damaged(() => 5000, ['lost']);
    take(opened, 'gone', { x: body(), y: body() });
    const gone = opened.store.packs().at(-1)!.name;
    const report = pruneNow(opened, { expired: ['gone'] });
    expect(report).toMatchObject({ damagedObjects: 1, damagedPacks: 1 });
    expect(readdirSync(directory)).toContain(pack);
    expect(readdirSync(directory)).not.toContain(gone);
    opened.refs.change([{ name: 'lost', id: undefined }]);
    pruneNow(opened, { thorough: true });
    expectWhole(opened, kept);
  });

  test('what was missing and is stored again meanwhile stays, with everything below it', () => {
    const files = { a: body() };
    for (let steps = 0, isDone = false; !isDone; steps += 1) {
      const directory = temporaryDirectory();
      const key = someKey();
      const before = open(directory, key);
      const batch = before.store.begin('fast');
      batch.write('blob', files.a);
      batch.commit();
      const [blobs] = before.store.packs();
      take(before, 'again', files);
      const pack = before.store.packs().find(({ name }) => name !== blobs?.name)!.name;
      const bytes = readFileSync(join(directory, pack));
      bytes[bytes.length - 20]! ^= 1;
      writeFileSync(join(directory, pack), bytes);
      const opened = open(directory, key);
      const work = prune(partsOf(opened, { thorough: true }), 0);
      for (let step = 0; step < steps && !isDone; step += 1) isDone = work.step() !== undefined;
      // While the file itself is known to be there it is not stored again.
      take(opened, 'again', files);
      if (!isDone) work.finish();
      expectWhole(opened, new Map([['again', files]]));
    }
  });

  test('a list of what is hidden that does not verify is told, and made anew', () => {
    const directory = temporaryDirectory();
    const key = someKey();
    const opened = open(directory, key);
    const batch = opened.store.begin('fast');
    const gone: ObjectId = writeSnapshot(batch, { a: Buffer.from('small') });
    const stays = writeSnapshot(batch, { b: body() });
    batch.commit();
    opened.refs.change([{ name: 'stays', id: stays }]);
    pruneNow(opened);
    const path = join(directory, 'hidden');
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 7) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1;
      writeFileSync(path, bytes);
      expect(open(directory, key).store.damage()).toMatchObject([{ pack: 'hidden' }]);
    }
    const again = open(directory, key);
    expect(again.store.has(gone)).toBe(true);
    pruneNow(again);
    expect(again.store.damage()).toEqual([]);
    expect(again.store.has(gone)).toBe(false);
    expect(open(directory, key).store.damage()).toEqual([]);
  });
});
