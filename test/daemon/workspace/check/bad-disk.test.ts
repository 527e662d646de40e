/** A disk that has lost a place: nothing there can be read, and all the rest can. */
import { afterEach, expect, test, vi } from 'vitest';
import { CheckRig, SESSION } from './support/check-rig.ts';

const disk = vi.hoisted(() => ({ bad: '', paths: new Map<number, string>() }));

vi.mock('node:fs', async (load) => {
  const real = await load<typeof import('node:fs')>();
  return {
    ...real,
    openSync: (...args: Parameters<typeof real.openSync>) => {
      const descriptor = real.openSync(...args);
      disk.paths.set(descriptor, String(args[0]));
      return descriptor;
    },
    readSync: (...args: unknown[]) => {
      const isBad = disk.bad !== '' && disk.paths.get(Number(args[0]))?.endsWith(disk.bad) === true;
      if (isBad) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      return (real.readSync as (...all: unknown[]) => number)(...args);
    },
  };
});

afterEach(() => {
  disk.bad = '';
});

const before = (turn: number) => `snap/${SESSION}/${turn}-pre`;

test.each([
  ['while it is open', false, 'cannot be read: the disk cannot read it'],
  ['before it is opened', true, 'cannot be opened: the disk cannot read it'],
])('a pack on it counts as damaged: %s', async (_, isNew, words) => {
  const rig = new CheckRig();
  rig.snapshot(before(1), { a: 'a' });
  rig.snapshot(before(2), { b: 'b' });
  const { pack } = rig.placeOf(rig.side.refs.get(before(1))!);
  disk.bad = pack;
  if (isNew) rig.reopen();
  const { problems, hurt } = await rig.check();
  expect(problems).toEqual([expect.stringMatching(`pack ${pack} ${words}`)]);
  expect(hurt.map(({ what }) => what)).toEqual(['the files before turn 1']);
  // What is read for a restore is said to be damaged as well.
  const [first, second] = [1, 2].map((turn) => rig.side.refs.get(before(turn))!);
  expect(() => rig.side.store.read(first!)).toThrow(/Nothing was changed/);
  expect(rig.side.store.read(second!).kind).toBe('commit');
});

test('a list of names on it keeps the workspace closed, and says why', () => {
  const rig = new CheckRig();
  rig.snapshot(before(1), { a: 'a' });
  disk.bad = 'refs';
  expect(() => {
    rig.reopen();
  }).toThrow(/list of snapshots .*\(the disk cannot read it\)/);
});
