import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Watcher } from '../../../../daemon/workspace/watch/watcher.ts';
import { waitUntil } from '../../../support/real-daemon.ts';
import { freshPlaces, placesOf, type Places } from './support/local-watch.ts';

const SCRIPT = join(import.meta.dirname, '../../../../daemon/workspace/watch/watch-worker.ts');
const SUPPORT = join(import.meta.dirname, 'support');
const NOTHING = { directories: [], subtrees: [] };

function watcher({ root, cookies }: Places, script = SCRIPT, deadline = 10_000): Watcher {
  const made = new Watcher({ root, cookies }, script, deadline);
  onTestFinished(() => made.close());
  return made;
}

/** Until all directories are watched and nothing is left to look at. */
async function settle(watch: Watcher, directories: readonly string[]): Promise<void> {
  await waitUntil('everything is watched', () => {
    watch.watch(directories, true);
    const dirt = watch.dirty();
    watch.watch([], false);
    return dirt.kind === 'dirt' && dirt.directories.length === 0;
  });
}

describe.skipIf(process.platform !== 'linux')('the thread that watches', () => {
  test('tells what changed before the question, however late it was, without the asking thread ever pausing', async () => {
    const places = freshPlaces();
    const names = Array.from({ length: 50 }, (_, i) => `d${i}`);
    for (const name of names) mkdirSync(join(places.root, name));
    const watch = watcher(places);
    await settle(watch, ['', ...names]);
    for (let round = 0; round < 200; round += 1) {
      const name = names[(round * 7) % names.length] ?? '';
      writeFileSync(join(places.root, name, 'file'), String(round));
      expect(placesOf(watch.dirty())).toEqual({ directories: [name], subtrees: [] });
      watch.watch([name], false);
    }
    expect(placesOf(watch.dirty())).toEqual(NOTHING);
    expect(readdirSync(places.cookies)).toEqual([]);
    expect(readdirSync(places.root)).toHaveLength(50);
  });

  test('tells again what nobody looked at, as after a scan that was broken off', async () => {
    const places = freshPlaces();
    const watch = watcher(places);
    await settle(watch, ['']);
    writeFileSync(join(places.root, 'file'), '1');
    expect(placesOf(watch.dirty()).directories).toEqual(['']);
    expect(placesOf(watch.dirty()).directories).toEqual(['']);
    watch.watch([], false);
    expect(placesOf(watch.dirty())).toEqual(NOTHING);
  });

  test.each(['throw', 'exit'])(
    'case 43: a thread that ends by %s is a doubt with its reason, at once and for good',
    async (way) => {
      const places = freshPlaces();
      const watch = watcher(places, join(SUPPORT, 'mortal-worker.ts'));
      await settle(watch, ['']);
      expect(watch.over).toBeUndefined();
      watch.watch([way], false);
      await waitUntil('the thread has ended', () => watch.over !== undefined);
      expect(watch.over).toContain(way === 'throw' ? 'out of something' : 'code 7');
      expect(watch.dirty()).toEqual({ kind: 'doubt', reason: watch.over });
      watch.watch([''], true);
      expect(watch.dirty().kind).toBe('doubt');
    },
  );

  test('case 44: no answer within the deadline is a doubt', () => {
    const watch = watcher(freshPlaces(), join(SUPPORT, 'silent-worker.ts'), 50);
    const before = performance.now();
    expect(watch.dirty()).toEqual({ kind: 'doubt', reason: 'no answer from the watches within 50 ms' });
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  test('case 44: an answer that comes too late is not taken for that to a later question', async () => {
    const watch = watcher(freshPlaces(), join(SUPPORT, 'silent-worker.ts'), 300);
    expect(watch.dirty().kind).toBe('doubt');
    expect(watch.dirty().kind).toBe('doubt');
    expect(watch.dirty().kind).toBe('doubt');
    await watch.close();
  });

  test('a system without watches ends the thread, and the reason is told', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.cookies, '..'), { recursive: true });
    writeFileSync(places.cookies, 'a file where a directory should be');
    const watch = watcher(places);
    await waitUntil('the thread has ended', () => watch.over !== undefined);
    expect(watch.dirty().kind).toBe('doubt');
    rmSync(places.cookies);
  });
});
