import { createSecretKey, randomBytes } from 'node:crypto';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreFull } from '../../../../daemon/workspace/objects/store-errors.ts';
import { recompress } from '../../../../daemon/workspace/prune/recompress.ts';
import { diskThatStops, diskWithRoomFor, Stopped } from '../objects/support/failing-disk.ts';
import { someKey, temporaryDirectory } from '../objects/support/side.ts';
import { expectWhole, filesOf, open, packBytes, pruneNow, take, type Files } from './support/prune-rig.ts';

const LIMITS = { packBytes: 60_000 };
const NAMES = [1, 2, 3].map((turn) => `snap/s/${turn}`);
const EXPIRED = NAMES.slice(0, 1);

/** Three snapshots that share files, each in packs of its own. */
function filled(key: ReturnType<typeof someKey> | undefined): { directory: string; all: Map<string, Files> } {
  const directory = temporaryDirectory();
  const opened = open(directory, key, { limits: LIMITS });
  const [x, y] = [randomBytes(30_000), randomBytes(9_000)];
  const all = new Map<string, Files>(
    NAMES.map((name, index) => [
      name,
      {
        y,
        own: randomBytes(30_000),
        [`${index % 2}`]: index > 0 ? x : randomBytes(20_000),
        text: Buffer.alloc(9000, 'text'),
      },
    ]),
  );
  for (const [name, files] of all) take(opened, name, files, 'fast');
  opened.store.close();
  return { directory, all };
}

test.each([
  ['an encrypted', 'lost', someKey(), false],
  ['a plain', 'torn', undefined, true],
] as const)(
  'case 62: %s store whose clearing up is killed at any step, its last write %s, is whole, and the next one completes it',
  (_, _last, key, torn) => {
    const { directory: original, all } = filled(key);
    const kept = new Map([...all].slice(1));
    let smallest = Infinity;
    let step = 0;
    for (let finished = false; !finished; step += 1) {
      const directory = join(temporaryDirectory(), 'side');
      cpSync(original, directory, { recursive: true });
      const stopping = open(directory, key, { disk: diskThatStops(step, torn), limits: LIMITS });
      try {
        pruneNow(stopping, { expired: EXPIRED, thorough: true });
        recompress(stopping.store).finish();
        finished = true;
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
      }
      stopping.store.close();
      const opened = open(directory, key, { limits: LIMITS });
      expect(opened.store.damage()).toEqual([]);
      const isBefore = opened.refs.list().length === NAMES.length;
      expectWhole(opened, isBefore ? all : kept);
      // What went with the crash comes again with a snapshot that needs it.
      take(opened, 'again', all.get(NAMES[0]!)!);
      expectWhole(opened, new Map([...(isBefore ? all : kept), ['again', all.get(NAMES[0]!)!]]));
      pruneNow(opened, { expired: [...EXPIRED, 'again'], thorough: true });
      recompress(opened.store).finish();
      expectWhole(opened, kept);
      expect(readdirSync(directory).filter((name) => name.startsWith('tmp_'))).toEqual([]);
      smallest = Math.min(smallest, packBytes(opened));
      // Nothing is left twice, whatever the crash left.
      expect(packBytes(opened)).toBeLessThan(smallest + 1000);
      opened.store.close();
    }
    expect(step).toBeGreaterThan(30);
  },
  120_000,
);

test('a disk that fills up ends it, and what was there stays', () => {
  const { directory: original, all } = filled(undefined);
  const kept = new Map([...all].slice(1));
  let failures = 0;
  for (let room = 0; room < 40_000; room += 4_000) {
    const directory = join(temporaryDirectory(), 'side');
    cpSync(original, directory, { recursive: true });
    const opened = open(directory, undefined, { disk: diskWithRoomFor(room), limits: LIMITS });
    try {
      pruneNow(opened, { expired: EXPIRED, thorough: true });
    } catch (error) {
      expect(error).toBeInstanceOf(StoreFull);
      failures += 1;
    }
    const again = open(directory, undefined);
    expectWhole(again, again.refs.list().length === NAMES.length ? all : kept);
  }
  expect(failures).toBeGreaterThan(2);
  expect(failures).toBeLessThan(10);
});

test('packs that nobody needs go first, so that their room can be used for what is moved', () => {
  const key = createSecretKey(randomBytes(32));
  const directory = temporaryDirectory();
  const filling = open(directory, key);
  take(filling, 'dead', { a: randomBytes(50_000) });
  const stays = take(filling, 'stays', { b: randomBytes(50_000) });
  const batch = filling.store.begin('fast');
  batch.write('blob', randomBytes(1000));
  batch.commit();
  const opened = open(directory, key, { disk: diskWithRoomFor(3000) });
  const before = packBytes(opened);
  expect(pruneNow(opened, { expired: ['dead'], thorough: true }).freedBytes).toBeGreaterThan(50_000);
  expect(packBytes(opened)).toBeLessThan(before - 50_000);
  expect(filesOf(opened, stays)['b']).toHaveLength(50_000);
});
