import { createSecretKey, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../../protocol/errors.ts';
import type { WorkspaceFiles } from '../../../../daemon/services/snapshot-port.ts';
import type { WorkspaceKey } from '../../../../daemon/services/workspace-key-port.ts';
import { WorkspaceThreads } from '../../../../daemon/workspace/thread/workspace-threads.ts';
import type { ThreadDeadlines } from '../../../../daemon/workspace/thread/workspace-thread.ts';
import { ALICE, point } from '../engine/support/workbench.ts';

const BUILT = join(import.meta.dirname, '../../../../dist/workspace-worker.cjs');
const HOSTILE = join(import.meta.dirname, 'support/hostile-worker.ts');
const DAY = 24 * 60 * 60 * 1000;
const never = new AbortController().signal;

let top: string;
let root: string;
let unexpected: string[];
let keys: Map<string, WorkspaceKey>;
const opened: WorkspaceThreads[] = [];

beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'm-threads-')));
  root = join(top, 'project');
  unexpected = [];
  keys = new Map();
  for (const name of ['project', 'data', 'home']) mkdirSync(join(top, name));
});

afterEach(async () => {
  watch = 'auto';
  maxFiles = 1e5;
  await Promise.all(opened.splice(0).map((threads) => threads.close()));
  rmSync(top, { recursive: true, force: true });
});

let watch: 'auto' | 'on' | 'off' = 'auto';
let maxFiles = 1e5;

function threads(script = BUILT, deadlines: Partial<ThreadDeadlines> = {}): WorkspaceThreads {
  const made = new WorkspaceThreads({
    dataDirectory: join(top, 'data'),
    home: join(top, 'home'),
    configHome: undefined,
    keys: {
      workspaceKey: (path) => {
        const known = keys.get(path) ?? { id: randomBytes(16).toString('hex'), key: createSecretKey(randomBytes(32)) };
        keys.set(path, known);
        return Promise.resolve(known);
      },
      workspaceKeys: () => Promise.resolve([...keys].map(([path, { id }]) => ({ path, id }))),
      workspaceDirectories: () => Promise.resolve([...keys.values()].map(({ id }) => id)),
      relinkWorkspace: () => Promise.reject(new Error('not asked here')),
      removeWorkspaceKey: (path) => {
        keys.delete(path);
        return Promise.resolve();
      },
    },
    settings: () => ({ enabled: true, encrypt: true, watch, maxFileBytes: 1e7, maxFiles, maxBytes: 1e9 }),
    onUnexpected: (name, stack) => unexpected.push(`${name}: ${stack}`),
    script,
    deadlines,
  });
  opened.push(made);
  return made;
}

function sideDirectory(): string {
  return join(top, 'data', 'workspaces', keys.get(root)?.id ?? '');
}

/** How many queues of the kernel this process has for watches. */
function watchQueues(): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    const link = `/proc/self/fd/${name}`;
    return lstatSync(link, { throwIfNoEntry: false }) !== undefined && readlinkSync(link).includes('inotify');
  }).length;
}

const turn = { sessionId: ALICE, turn: 1 };
const command = { kind: 'command', callId: 'C' } as const;

describe('the threads of workspaces', () => {
  it('remove nothing of a workspace whose snapshots cannot be read: a backup may bring them back', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    await (
      await port.of(root)
    ).take({ sessionId: ALICE, point: { kind: 'turn', turn: 1, phase: 'pre' } }, new AbortController().signal);
    await port.putAway();
    const packs = readdirSync(sideDirectory()).filter((name) => name.endsWith('.pack'));
    for (const name of packs) writeFileSync(join(sideDirectory(), name), 'damaged');
    await port.removeIfEmpty(root);
    expect(readdirSync(sideDirectory())).toEqual(expect.arrayContaining(packs));
  });

  it('remove everything of a workspace when no snapshot is left, and begin anew there', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    const files = await port.of(root);
    await files.take(point(ALICE, 1, 'pre'), never);
    const side = sideDirectory();
    await port.removeIfEmpty(root);
    expect(existsSync(side)).toBe(true);
    await files.forgetSession(ALICE);
    await files.beginCall(turn, command);
    await port.removeIfEmpty(root);
    expect(existsSync(side)).toBe(true);
    await files.endCall(turn, command);
    await files.forgetSession(ALICE);
    const removed = port.removeIfEmpty(root);
    await removed;
    expect([existsSync(side), keys.size]).toEqual([false, 0]);
    expect(await (await port.of(root)).take(point(ALICE, 1, 'pre'), never)).toMatchObject({ snapshot: { files: 1 } });
    expect(sideDirectory()).not.toBe(side);
  });

  it('remove nothing of a workspace while a restore can be undone, or when the list of its snapshots is lost', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    const files = await port.of(root);
    const taken = { kind: 'taken', id: '01J0000000000000000000000Z' } as const;
    await files.take({ sessionId: undefined, point: taken }, never);
    await files.beginCall(turn, command);
    writeFileSync(join(root, 'a.txt'), 'new\n');
    await files.endCall(turn, command);
    const request = { params: { sessionId: ALICE, target: taken }, newestTurn: 1 };
    await files.apply(ALICE, (await files.plan(request)).planId);
    const keep = { pinned: new Set<string>(), live: new Set([ALICE]), saves: [] };
    const order = { protections: keep, now: Date.now() + 8 * DAY, seen: undefined, maxAgeMs: DAY };
    await files.prune({ ...order, maxBytes: Infinity, thorough: false, dryRun: false });
    expect((await files.list(undefined, 10, undefined)).snapshots).toEqual([]);
    await port.removeIfEmpty(root);
    const undo = { params: { sessionId: ALICE, target: { kind: 'undo' } as const }, newestTurn: 1 };
    expect((await files.plan(undo)).counts).toMatchObject({ change: 1 });
    await port.putAway();
    rmSync(join(sideDirectory(), 'refs'));
    await port.removeIfEmpty(root);
    expect(readdirSync(sideDirectory()).some((name) => name.endsWith('.pack'))).toBe(true);
  });

  it('remove nothing when what is protected has changed while the thread had no time for it', async () => {
    writeFileSync(join(root, 'a.txt'), 'a');
    const files = await threads().of(root);
    await files.take(point(ALICE, 1, 'pre'), never);
    const count = new Int32Array(new SharedArrayBuffer(4));
    const nobody = { pinned: new Set<string>(), live: new Set<string>(), saves: [] };
    const times = { now: Date.now() + 8 * DAY, seen: undefined, maxAgeMs: DAY, maxBytes: Infinity };
    const prune = (was: number) =>
      files.prune({ protections: nobody, asOf: { count, was }, ...times, thorough: false, dryRun: false });
    const busy = files.take(point(ALICE, 2, 'pre'), never);
    const pruned = prune(0);
    Atomics.add(count, 0, 1);
    await expect(pruned).rejects.toMatchObject({ kind: 'CONFLICT', retryable: true });
    await busy;
    expect((await files.list(undefined, 10, undefined)).snapshots).toHaveLength(2);
    expect(await prune(1)).toMatchObject({ removed: 2, names: 0 });
  });

  it('tell whether a path is the real one of a directory', async () => {
    const port = threads();
    await port.requireDirectory(root);
    writeFileSync(join(top, 'file'), '');
    symlinkSync(root, join(top, 'link'));
    for (const [name, message] of [
      ['none', 'is no directory'],
      ['file', 'is no directory'],
      ['link', `leads to ${root}`],
    ] as const) {
      const refused = { kind: 'INVALID_PARAMS', message: expect.stringContaining(message) as string };
      await expect(port.requireDirectory(join(top, name))).rejects.toMatchObject(refused);
    }
  });

  it('carry a whole turn, and its way back', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    expect(await port.has(root)).toBe(false);
    const files = await port.of(root);
    const { snapshot } = await files.take(point(ALICE, 1, 'pre'), never);
    expect(snapshot).toMatchObject({ files: 1, bytes: 4 });
    await files.beginCall(turn, command);
    writeFileSync(join(root, 'a.txt'), 'new\n');
    await files.endCall(turn, command);
    expect(await files.endTurn(turn, never)).toMatchObject({ files: 1, added: 1, removed: 1, byShell: 1 });
    const target = { kind: 'turn', turn: 1, phase: 'pre' } as const;
    const { planId } = await files.plan({ params: { sessionId: ALICE, target }, newestTurn: 1 });
    expect(await files.apply(ALICE, planId)).toMatchObject({ restored: 1 });
    expect(await files.status()).toMatchObject({ encrypted: true, snapshots: 2, busy: null, lastError: '' });
    expect(await port.has(root)).toBe(true);
    expect(unexpected).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'watch directories when they are told to, find what changes, and say so',
    async () => {
      watch = 'on';
      const before = watchQueues();
      for (const name of ['a', 'b', 'c']) mkdirSync(join(root, name));
      const port = threads();
      const files = await port.of(root);
      for (let number = 1; number <= 20; number += 1) {
        writeFileSync(join(root, 'abc'[number % 3] ?? '', `${number}.txt`), String(number));
        const { snapshot } = await files.take(point(ALICE, number, 'pre'), never);
        expect(snapshot.files).toBe(number);
      }
      const status = await files.status();
      expect(status).toMatchObject({ engine: 'watch', engineReason: 'snapshots_watch is on' });
      expect(readdirSync(join(sideDirectory(), 'watch'))).toEqual([]);
      expect(watchQueues()).toBe(before + 1);
      await port.close();
      expect(watchQueues()).toBe(before);
      expect(unexpected).toEqual([]);
    },
  );

  it('refuse what is no directory of a project', async () => {
    const port = threads();
    await expect(port.of(join(top, 'home'))).rejects.toMatchObject({ kind: 'REFUSED' });
    await expect(port.of(top)).rejects.toMatchObject({ kind: 'REFUSED' });
  });

  it('pass failures on with their kind', async () => {
    const files = await threads().of(root);
    await expect(files.show(point(ALICE, 1, 'pre'))).rejects.toMatchObject({
      kind: 'NOT_FOUND',
      message: 'the files before turn 1 are not in a snapshot',
    });
    rmSync(root, { recursive: true });
    await expect(files.take(point(ALICE, 1, 'pre'), never)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect(unexpected).toEqual([]);
  });

  it('give no name to a snapshot that comes too late, and none to one that is cancelled', async () => {
    writeFileSync(join(root, 'a.txt'), 'a');
    const files = await threads().of(root);
    const late = files.take(point(ALICE, 1, 'pre'), never);
    files.tooLate(point(ALICE, 1, 'pre'));
    await expect(late).rejects.toMatchObject({ kind: 'DEADLINE' });
    const controller = new AbortController();
    const cancelled = files.take(point(ALICE, 2, 'pre'), controller.signal);
    controller.abort(new ProtocolError('CANCELLED', 'enough'));
    await expect(cancelled).rejects.toThrow('enough');
    expect((await files.list(undefined, 10, undefined)).snapshots).toEqual([]);
  });

  it('give no name to the files after a turn that come too late for the next one, and keep what the turn changed', async () => {
    writeFileSync(join(root, 'a.txt'), 'old');
    const files = await threads().of(root);
    await files.take(point(ALICE, 1, 'pre'), never);
    await files.beginCall(turn, command);
    writeFileSync(join(root, 'a.txt'), 'new');
    await files.endCall(turn, command);
    const ended = files.endTurn(turn, never);
    const next = files.take(point(ALICE, 2, 'pre'), never);
    files.tooLate(point(ALICE, 2, 'pre'));
    await expect(next).rejects.toMatchObject({ kind: 'DEADLINE' });
    expect(await ended).toMatchObject({ files: 1, byShell: 1 });
    const { snapshots } = await files.list(undefined, 10, undefined);
    expect(snapshots.map(({ point: named }) => named)).toEqual([point(ALICE, 1, 'pre').point]);
    const target = point(ALICE, 1, 'pre').point;
    const { planId } = await files.plan({ params: { sessionId: ALICE, target }, newestTurn: 2 });
    expect(await files.apply(ALICE, planId)).toMatchObject({ restored: 1 });
  });

  it('say how far a long reading is instead of waiting for it', async () => {
    for (let number = 0; number < 2_000; number += 1) writeFileSync(join(root, `${number}`), String(number));
    const files = await threads().of(root);
    const taking = files.take(point(ALICE, 1, 'pre'), never);
    const { busy } = await files.status();
    expect(busy?.sinceMs).toBeGreaterThanOrEqual(0);
    await expect.poll(async () => (await files.status()).busy?.files ?? 2_000).toBeGreaterThan(0);
    await taking;
    expect((await files.status()).busy).toBeNull();
  });

  it('end without calls, keep what is known, and start again', async () => {
    writeFileSync(join(root, 'a.txt'), 'a');
    const files = await threads(BUILT, { idle: 50 }).of(root);
    await files.take(point(ALICE, 1, 'pre'), never);
    await expect.poll(() => readdirSync(sideDirectory())).toContain('stat-cache');
    expect((await files.show(point(ALICE, 1, 'pre'))).snapshot.files).toBe(1);
  });

  it('go by other settings as soon as nothing is being done', async () => {
    writeFileSync(join(root, 'a.txt'), 'one');
    writeFileSync(join(root, 'b.txt'), 'two');
    maxFiles = 1;
    const files = await threads().of(root);
    await expect(files.take(point(ALICE, 1, 'pre'), never)).rejects.toMatchObject({ kind: 'LIMIT_REACHED' });
    maxFiles = 2;
    await expect(files.take(point(ALICE, 1, 'pre'), never)).resolves.toMatchObject({ snapshot: { files: 2 } });
    await files.beginCall(turn, command);
    maxFiles = 1;
    // The thread remembers a call that runs, and stays as it is until that has ended.
    await files.endTurn(turn, never);
    await expect(files.take(point(ALICE, 2, 'pre'), never)).rejects.toMatchObject({ kind: 'LIMIT_REACHED' });
    expect(unexpected).toEqual([]);
  });

  it('that die reject their callers with something to try again, and the next call starts another', async () => {
    const files = await threads(HOSTILE).of(root);
    const both = await Promise.allSettled([files.list(undefined, 1, undefined), files.show(point(ALICE, 1, 'pre'))]);
    for (const result of both) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: {
          retryable: true,
          message: 'the thread that keeps the files of the workspace was lost: it ended with code 3',
        },
      });
    }
    expect(await files.writeOut(point(ALICE, 1, 'pre'), '/x')).toBe('writeOut');
  });

  it('that no longer answer are given up at the deadline', async () => {
    const files = await threads(HOSTILE, { call: 2_000, grace: 50 }).of(root);
    const from = { kind: 'turn', turn: 1, phase: 'pre' } as const;
    await expect(files.diff(ALICE, { from })).rejects.toMatchObject({ kind: 'DEADLINE', retryable: true });
    await expect
      .poll(() => unexpected)
      .toEqual(['workspace: the thread of a workspace was lost: it no longer answered']);
    expect(await files.writeOut(point(ALICE, 1, 'pre'), '/x')).toBe('writeOut');
  });

  it('tell of nothing but a failure when the failure is a bug', async () => {
    const files = await threads(HOSTILE).of(root);
    await expect((files as unknown as { recover(): Promise<unknown> }).recover()).rejects.toMatchObject({
      kind: 'INTERNAL',
    });
    expect(unexpected).toEqual(['workspace: frames']);
  });

  it('lose nothing of a turn when they are lost in the middle of it', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const before = await threads().of(root);
    await before.take(point(ALICE, 1, 'pre'), never);
    await before.beginCall(turn, command);
    writeFileSync(join(root, 'a.txt'), 'new\n');
    // Another life of the daemon: what the first one had in memory is unknown to it.
    const port = threads();
    const after = await port.of(root);
    await after.endCall(turn, command);
    expect(await after.endTurn(turn, never)).toMatchObject({ files: 1, others: 0 });
    expect(await port.recover()).toEqual([]);
    expect(existsSync(join(root, '.m-restore'))).toBe(false);
  });

  it('refuse calls when they are closed', async () => {
    const port = threads();
    const files = await port.of(root);
    await files.take(point(ALICE, 1, 'pre'), never);
    await port.close();
    await expect(files.status()).rejects.toMatchObject({ kind: 'DRAINING' });
  });
});

describe('what is stored of workspaces', () => {
  const order = {
    protections: { pinned: new Set<string>(), live: new Set<string>(), saves: [] },
    now: Date.now() + 30 * 86_400_000,
    seen: Date.now() + 30 * 86_400_000,
    maxAgeMs: 7 * 86_400_000,
    maxBytes: Infinity,
    thorough: true,
    dryRun: false,
  };

  it('is cleared up also when the directory is gone, and a thread that nobody needs ends with it', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    await (await port.of(root)).take(point(ALICE, 1, 'pre'), never);
    expect(await port.storedWorkspaces()).toMatchObject([{ root, exists: true }]);
    await port.putAway();
    rmSync(root, { recursive: true });
    const [stored] = await port.storedWorkspaces();
    expect(stored).toMatchObject({ root, exists: false });
    expect(stored?.bytes).toBeGreaterThan(100);
    expect(Math.abs(Date.now() - (stored?.packedAt ?? 0))).toBeLessThan(60_000);
    expect(await port.briefly(root, (files) => files.use())).toMatchObject({ snapshots: 1 });
    expect(await port.briefly(root, (files) => files.prune(order))).toMatchObject({
      removed: 1,
      names: 0,
      leftBytes: 0,
    });
    await port.removeIfEmpty(root);
    expect([await port.storedWorkspaces(), keys.size]).toEqual([[], 0]);
    expect(unexpected).toEqual([]);
  });

  it('is cleared up while snapshots are taken, one clearing after the other', async () => {
    const port = threads();
    const files = await port.of(root);
    for (let number = 1; number <= 5; number += 1) {
      writeFileSync(join(root, 'a.txt'), randomBytes(20_000));
      await files.take(point(ALICE, number, 'pre'), never);
    }
    const recent = { ...order, now: Date.now(), seen: Date.now() };
    const [, taken, ...pruned] = await Promise.all([
      files.prune(recent),
      files.take(point(ALICE, 6, 'pre'), never),
      files.prune({ ...recent, maxBytes: 1 }),
      port.briefly(root, (same) => same.prune(recent)),
    ]);
    expect(taken).toMatchObject({ snapshot: { files: 1 } });
    expect(pruned.map(({ removed }) => removed)).toEqual([6, 0]);
    // Somebody else needs the thread: it goes on.
    expect(await files.status()).toMatchObject({ snapshots: 0, lastError: '' });
  });

  it('is looked at briefly by several at once, and the thread is there until the last one is done', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    await (await port.of(root)).take(point(ALICE, 1, 'pre'), never);
    await port.putAway();
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = port.briefly(root, async (files) => {
      await promise;
      return await files.use();
    });
    expect(await port.briefly(root, (files) => files.use())).toMatchObject({ snapshots: 1 });
    await expect(port.moving(root, join(top, 'moved'), () => Promise.resolve())).rejects.toMatchObject({
      kind: 'CONFLICT',
    });
    resolve();
    expect(await late).toMatchObject({ snapshots: 1 });
    await port.moving(root, join(top, 'moved'), () => Promise.resolve());
  });

  it('is removed when it belongs to no workspace, unless it was changed lately or its key does not verify', async () => {
    const port = threads();
    const hour = 3_600_000;
    await (await port.of(root)).take(point(ALICE, 1, 'pre'), never);
    await port.putAway();
    const orphan = join(top, 'data', 'workspaces', randomBytes(16).toString('hex'));
    mkdirSync(orphan);
    writeFileSync(join(orphan, 'x.pack'), randomBytes(1000));
    expect(await port.clearOrphans(Date.now() - hour)).toBe(0);
    expect(existsSync(orphan)).toBe(true);
    expect(await port.clearOrphans(Date.now() + hour)).toBe(1000);
    expect([existsSync(orphan), existsSync(sideDirectory())]).toEqual([false, true]);
  });

  it.skipIf(process.getuid?.() === 0)('stays when it cannot be removed, and nothing else with it', async () => {
    const all = join(top, 'data', 'workspaces');
    const names = ['a', 'b', 'c'].map((letter) => join(all, letter.repeat(32)));
    for (const name of names) {
      mkdirSync(name, { recursive: true });
      writeFileSync(join(name, 'x.pack'), 'x');
    }
    const [, stuck = ''] = names;
    chmodSync(stuck, 0o500);
    await expect(threads().clearOrphans(Date.now() + 1000)).rejects.toThrow('EACCES');
    chmodSync(stuck, 0o700);
    expect(names.map((name) => existsSync(name))).toEqual([false, true, false]);
  });

  it('is read at another path after a move, for which whoever asks meanwhile waits', async () => {
    writeFileSync(join(root, 'a.txt'), 'old\n');
    const port = threads();
    const moved = join(top, 'moved');
    await (await port.of(root)).take(point(ALICE, 1, 'pre'), never);
    const files = await port.of(root);
    await files.beginCall(turn, command);
    await expect(port.moving(root, moved, () => Promise.resolve())).rejects.toMatchObject({ kind: 'CONFLICT' });
    await files.endCall(turn, command);
    renameSync(root, moved);
    const asked: Promise<WorkspaceFiles>[] = [];
    const moving = port.moving(root, moved, () => {
      asked.push(port.of(moved));
      keys.set(moved, keys.get(root)!);
      keys.delete(root);
      return Promise.resolve('done');
    });
    expect(await moving).toBe('done');
    const [there] = await Promise.all(asked);
    expect((await there?.list({ sessionId: ALICE }, 9, undefined))?.snapshots).toHaveLength(1);
    await expect(port.moving(moved, root, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await port.has(moved)).toBe(true);
  });
});
