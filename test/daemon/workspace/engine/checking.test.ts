/** What a check means for those who work in the same thread. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { ALICE, Workbench } from './support/workbench.ts';

let bench: Workbench;

beforeEach(() => {
  bench = new Workbench();
  bench.write('big.bin', randomBytes(300_000));
  bench.pre(ALICE, 1);
});

afterEach(() => {
  vi.restoreAllMocks();
  bench.close();
});

async function verify() {
  for (let step = await bench.workspace.verify('begin'); ; step = await bench.workspace.verify('go-on')) {
    if ('done' in step) return step.done;
  }
}

function damage(): void {
  const packs = readdirSync(bench.directory).filter((name) => name.endsWith('.pack'));
  const path = packs.map((name) => join(bench.directory, name)).find((pack) => statSync(pack).size > 300_000) ?? '';
  const bytes = readFileSync(path);
  bytes[100_000]! ^= 1;
  writeFileSync(path, bytes);
}

test('the snapshot after a finding brings again what is still there, without looking for more of it', async () => {
  damage();
  expect((await verify()).hurt).toMatchObject([{ what: 'the files before turn 1', files: ['big.bin'] }]);
  const readAgain = vi.spyOn(ObjectStore.prototype, 'verify');
  bench.end({ sessionId: ALICE, turn: 1 });
  expect(readAgain).not.toHaveBeenCalled();
  expect((await verify()).hurt).toEqual([]);
  bench.write('big.bin', 'gone');
  await bench.restore(ALICE, 1, 'pre', 1, { all: true });
  expect(statSync(join(bench.root, 'big.bin')).size).toBe(300_000);
});

test('a check that is stopped, or was never begun, does not go on', async () => {
  await expect(bench.workspace.verify('go-on')).rejects.toThrow('the check was cut off');
  await bench.workspace.verify('begin');
  await bench.workspace.verify('stop');
  await expect(bench.workspace.verify('go-on')).rejects.toMatchObject({ kind: 'CANCELLED' });
  await bench.workspace.verify('begin');
  bench.workspace.tidy();
  await expect(bench.workspace.verify('go-on')).rejects.toMatchObject({ kind: 'CANCELLED' });
});
