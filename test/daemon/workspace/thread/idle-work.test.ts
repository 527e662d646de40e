/** What the thread of a workspace does when nobody asks for anything. */
import { createSecretKey, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { newStopFlag } from '../../../../daemon/workspace/engine/stop-flag.ts';
import { Workspace, type WorkspaceParts } from '../../../../daemon/workspace/engine/workspace.ts';
import { DEFAULT_LIMITS } from '../../../../daemon/workspace/scan/scan-result.ts';
import type { Answer, Request } from '../../../../daemon/workspace/thread/calls.ts';
import { Dispatcher } from '../../../../daemon/workspace/thread/dispatcher.ts';
import { waitUntil } from '../../../support/real-daemon.ts';
import { ALICE, point } from '../engine/support/workbench.ts';

const TEXT = Array.from({ length: 2_000 }, (_, line) => `line ${line} of a text that can be made smaller\n`).join('');
const FILES = 150;
const DAY = 24 * 60 * 60 * 1000;

let parts: WorkspaceParts;
let top: string;
let answers: Answer[];
let dispatcher: Dispatcher;

beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'm-idle-')));
  for (const name of ['project', 'data', 'home']) mkdirSync(join(top, name));
  for (let at = 0; at < FILES; at += 1) writeFileSync(join(top, 'project', `${at}.txt`), `${at}\n${TEXT}`);
  parts = {
    root: join(top, 'project'),
    directory: join(top, 'data', 'side'),
    dataDirectory: join(top, 'data'),
    key: createSecretKey(randomBytes(32)),
    encrypt: true,
    watch: 'off',
    places: { home: join(top, 'home') },
    limits: DEFAULT_LIMITS,
  };
  answers = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  dispatcher = new Dispatcher(parts, (answer) => void answers.push(answer));
});

afterEach(async () => {
  vi.useRealTimers();
  await ask('close', []);
  rmSync(top, { recursive: true });
});

let calls = 0;
async function ask(name: Request['name'], args: readonly unknown[]): Promise<Answer> {
  calls += 1;
  const id = calls;
  dispatcher.take({ id, name, args });
  for (;;) {
    const answer = answers.find((each) => each.id === id);
    // The answer is there before the call counts as done.
    await new Promise((resolve) => setImmediate(resolve));
    if (answer !== undefined) return answer;
  }
}

function packBytes(): number {
  const packs = readdirSync(parts.directory, { recursive: true, encoding: 'utf8' }).filter((name) => /pack/.test(name));
  return packs.reduce((sum, name) => sum + statSync(join(parts.directory, name)).size, 0);
}

/** Packs that are being written. */
function halfPacks(): string[] {
  return readdirSync(parts.directory).filter((name) => name.startsWith('tmp_'));
}

/** Each file as another process would read it from the store. */
async function expectWhole(turn = 1): Promise<void> {
  const destination = join(top, `out-${calls}`);
  await expect(ask('writeOut', [point(ALICE, turn, 'pre'), destination])).resolves.toMatchObject({
    kind: 'value',
    value: { files: FILES },
  });
}

test('after a minute without a call, what the first snapshot stored in a hurry becomes smaller, once', async () => {
  await ask('take', [point(ALICE, 1, 'pre'), newStopFlag()]);
  const before = packBytes();
  await vi.advanceTimersByTimeAsync(59_000);
  expect(packBytes()).toBe(before);
  await vi.advanceTimersByTimeAsync(60_000);
  const after = packBytes();
  expect(after).toBeLessThan(before / 2);
  expect(vi.getTimerCount()).toBe(0);
  await expect(ask('status', [])).resolves.toMatchObject({ kind: 'value', value: { snapshots: 1 } });
  await expectWhole();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(packBytes()).toBe(after);
  expect(answers.filter(({ kind }) => kind !== 'value')).toEqual([]);
});

test('a call in the middle of it is answered after a slice, finds everything, and it is done later', async () => {
  await ask('take', [point(ALICE, 1, 'pre'), newStopFlag()]);
  const before = packBytes();
  await vi.advanceTimersByTimeAsync(60_000);
  // On a busy machine the first slice may be over before it has begun to write.
  while (halfPacks().length === 0 && vi.getTimerCount() === 1) await vi.advanceTimersByTimeAsync(25);
  expect(vi.getTimerCount()).toBe(1);
  expect(halfPacks()).toHaveLength(1);
  await ask('status', []);
  // What was begun is given up, room and all.
  expect(halfPacks()).toEqual([]);
  writeFileSync(join(parts.root, 'new.txt'), 'new');
  await expect(ask('take', [point(ALICE, 2, 'pre'), newStopFlag()])).resolves.toMatchObject({ kind: 'value' });
  await expectWhole();
  expect(packBytes()).toBeGreaterThanOrEqual(before);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(packBytes()).toBeLessThan(before / 2);
  await expectWhole();
});

test('clearing up in the middle of it takes away what was being made smaller, and nothing else', async () => {
  await ask('take', [point(ALICE, 1, 'pre'), newStopFlag()]);
  for (let at = 0; at < FILES; at += 1) writeFileSync(join(parts.root, `${at}.txt`), `other ${at}\n${TEXT}`);
  await ask('take', [point(ALICE, 2, 'pre'), newStopFlag()]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(vi.getTimerCount()).toBe(1);
  const now = Date.now() + 10 * DAY;
  const protections = { pinned: new Set(), live: new Set([ALICE]), saves: [] };
  const limits = { maxAgeMs: 7 * DAY, maxBytes: Infinity };
  await ask('beginPrune', [{ protections, now, seen: now, ...limits, thorough: true, dryRun: false }]);
  let step = await ask('stepPrune', []);
  while (step.kind === 'value' && step.value === undefined) step = await ask('stepPrune', []);
  expect(step).toMatchObject({ kind: 'value', value: { removed: 1 } });
  await vi.advanceTimersByTimeAsync(120_000);
  await expectWhole(2);
  expect(answers.filter(({ kind }) => kind !== 'value')).toEqual([]);
});

test('a thread that dies in the middle of it leaves a store that is whole', async () => {
  await ask('take', [point(ALICE, 1, 'pre'), newStopFlag()]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(vi.getTimerCount()).toBe(1);
  const other = new Workspace(parts);
  await expect(other.writeOut(point(ALICE, 1, 'pre'), join(top, 'other'))).resolves.toMatchObject({ files: FILES });
  await other.close();
});

test('slices are short', async () => {
  vi.useRealTimers();
  const workspace = new Workspace(parts);
  workspace.take(point(ALICE, 1, 'pre'), newStopFlag());
  const slices: number[] = [];
  await waitUntil('all is smaller', () => {
    const begun = performance.now();
    const isMore = workspace.tidy();
    slices.push(performance.now() - begun);
    return !isMore;
  });
  await workspace.close();
  expect(slices.length).toBeGreaterThan(1);
  // Twice what is promised to a person, on a machine that others use.
  expect(slices.toSorted((left, right) => left - right)[Math.floor(slices.length / 2)]).toBeLessThan(100);
});

test('two seconds after a call it looks at the files again, and keeps what is known even when that fails', async () => {
  const look = vi.spyOn(Workspace.prototype, 'lookAgain').mockImplementation(() => {
    throw new RangeError('a bug');
  });
  onTestFinished(() => look.mockRestore());
  await ask('take', [point(ALICE, 1, 'pre'), newStopFlag()]);
  vi.advanceTimersByTime(1_999);
  expect(look).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(look).toHaveBeenCalledTimes(1);
  expect(existsSync(join(parts.directory, 'stat-cache'))).toBe(true);
  expect(answers.at(-1)).toMatchObject({ kind: 'bug', stack: expect.stringContaining('RangeError: a bug') });
});
