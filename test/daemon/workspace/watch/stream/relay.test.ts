/** The real library in a real process, asked by a thread that sleeps meanwhile. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Watcher } from '../../../../../daemon/workspace/watch/watcher.ts';
import { waitUntil } from '../../../../support/real-daemon.ts';
import { freshPlaces, placesOf, type Places } from '../support/local-watch.ts';
import { KINDS } from '../support/watch-bench.ts';

const SUPPORT = join(import.meta.dirname, '..', 'support');

function watcher({ root, cookies }: Places, script = KINDS.streams.script): Watcher {
  const made = new Watcher({ root, cookies }, script, 10_000);
  onTestFinished(() => made.close());
  return made;
}

/** Until nothing is doubtful. @returns the doubts on the way. */
async function settle(watch: Watcher): Promise<string[]> {
  const doubts = new Set<string>();
  await waitUntil('everything is watched', () => {
    const told = watch.dirty();
    watch.watch([], false);
    if (told.kind !== 'dirt') doubts.add(told.reason);
    return told.kind === 'dirt';
  });
  return [...doubts];
}

/** Processes that watch a workspace, dead ones that nobody has heard of included. */
function helpers(parent = process.pid): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isHelper(pid, parent));
}

function isHelper(pid: number, parent: number): boolean {
  try {
    const [state, of] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    if (Number(of) !== parent) return false;
    return state === 'Z' || readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('watch-helper');
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}

describe.skipIf(process.platform !== 'linux')('the process that watches', () => {
  test('tells what changed before the question, however late it was, without the asking thread ever pausing', async () => {
    const places = freshPlaces();
    const names = Array.from({ length: 20 }, (_, at) => `d${at}`);
    for (const name of names) mkdirSync(join(places.root, name));
    const watch = watcher(places);
    await settle(watch);
    for (const [at, name] of names.entries()) {
      writeFileSync(join(places.root, name, 'file'), String(at));
      expect(placesOf(watch.dirty()).directories).toContain(name);
      watch.watch([name], false);
    }
    expect(readdirSync(places.cookies)).toEqual([]);
    expect(readdirSync(places.root)).toHaveLength(20);
  });

  test('tells of a workspace and of files that mark moments when they are named by a link, and of names of every script', async () => {
    const places = freshPlaces();
    for (const name of ['caf\u00e9', 'cafe\u0301', '\u{1f600}']) mkdirSync(join(places.root, name));
    const link = join(places.around, 'link');
    symlinkSync(places.around, link);
    const watch = watcher({ ...places, root: join(link, 'root'), cookies: join(link, 'side', 'cookies') });
    await settle(watch);
    for (const name of ['caf\u00e9', 'cafe\u0301', '\u{1f600}']) {
      writeFileSync(join(places.root, name, 'file'), '1');
      expect(placesOf(watch.dirty()).directories).toContain(Buffer.from(name, 'utf8').toString('latin1'));
    }
  });

  test('killed while it is asked is a doubt at once, and ends its thread', async () => {
    const places = freshPlaces();
    const before = helpers();
    const watch = watcher(places);
    await settle(watch);
    const [pid = 0] = helpers().filter((each) => !before.includes(each));
    // The file that marks the moment is there while the answer is on its way.
    const killer = spawn('timeout', [
      '20',
      'sh',
      '-c',
      `until [ -n "$(ls $0)" ]; do :; done; kill -9 ${pid}`,
      places.cookies,
    ]);
    expect(watch.dirty()).toEqual({ kind: 'doubt', reason: 'the process that watches ended by SIGKILL' });
    await once(killer, 'exit');
    await waitUntil('the thread has ended', () => watch.over !== undefined);
    expect(watch.over).toContain('ended by SIGKILL');
    expect(watch.dirty().kind).toBe('doubt');
  });

  test('is gone with its thread, and not even a dead one is left', async () => {
    const before = helpers();
    const watch = watcher(freshPlaces());
    await settle(watch);
    expect(helpers()).toHaveLength(before.length + 1);
    await watch.close();
    expect(helpers()).toEqual(before);
  });

  test('is gone with the process that started it, however that ends', async () => {
    const { root, cookies } = freshPlaces();
    const starter = spawn(process.execPath, [join(SUPPORT, 'starting-program.ts'), root, cookies], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void starter.kill('SIGKILL'));
    const [line] = (await once(createInterface(starter.stdout), 'line')) as [string];
    expect(line).toBe('ready');
    const [pid = 0] = helpers(starter.pid);
    expect(isAlive(pid)).toBe(true);
    starter.kill('SIGKILL');
    await waitUntil('the process that watches is gone', () => !isAlive(pid));
  });

  test('is replaced by another one when the workspace is removed and made again, and that costs no life', async () => {
    const places = freshPlaces();
    const watch = watcher(places);
    await settle(watch);
    renameSync(places.root, `${places.root}-t`);
    mkdirSync(places.root);
    expect(watch.dirty().kind).toBe('doubt');
    await settle(watch);
    expect(watch.over).toBeUndefined();
    writeFileSync(join(places.root, 'file'), '1');
    expect(placesOf(watch.dirty())).toEqual({ directories: [''], subtrees: [] });
    rmSync(`${places.root}-t`, { recursive: true });
  });

  test('says so when the library is not there', async () => {
    const watch = watcher(freshPlaces(), join(SUPPORT, 'lacking-worker.ts'));
    await waitUntil('it is refused', () => {
      const told = watch.dirty();
      return told.kind === 'refusal' && told.reason.startsWith('the package @parcel/watcher is not installed');
    });
  });

  test('that cannot be started is told, and does not hang', async () => {
    const watch = watcher(freshPlaces(), join(SUPPORT, 'failing-worker.ts'));
    await waitUntil('the thread has ended', () => watch.over !== undefined);
    expect(watch.over).toContain('ended with code 1');
  });
});
