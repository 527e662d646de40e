import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  abort,
  comeTooLate,
  filesExpectedBy,
  filesReadBy,
  newStopFlag,
} from '../../../../daemon/workspace/engine/stop-flag.ts';
import { ALICE, BOB, point, Workbench } from './support/workbench.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  bench.close();
});

const first = { sessionId: ALICE, turn: 1 };

describe('how far a snapshot is', () => {
  it('can be seen from outside: how many files there are to read, and how many were read', () => {
    for (const name of ['a', 'b', 'c/d']) bench.write(name, name);
    const flags = [newStopFlag(), newStopFlag()] as const;
    expect(filesExpectedBy(flags[0])).toBeNull();
    bench.workspace.take(point(ALICE, 1, 'pre'), flags[0]);
    expect([filesReadBy(flags[0]), filesExpectedBy(flags[0])]).toEqual([3, 3]);
    bench.write('e', 'new');
    bench.workspace.take(point(ALICE, 2, 'pre'), flags[1]);
    expect(filesReadBy(flags[1])).toBe(filesExpectedBy(flags[1]));
    expect(filesReadBy(flags[1])).toBeGreaterThan(0);
  });
});

describe('a turn', () => {
  it('is told apart from what the person does meanwhile, and counted', () => {
    bench.write('a.txt', 'one\ntwo\n');
    bench.write('b.txt', 'b\n');
    bench.write('mine.txt', 'mine\n');
    expect(bench.pre(ALICE, 1).snapshot).toMatchObject({ sessionId: ALICE, files: 3, bytes: 15, skipped: 0 });
    bench.edit(first, 'a.txt', 'one\nTWO\nthree\n');
    bench.write('mine.txt', 'changed by me\n');
    bench.command(first, () => {
      bench.write('made/by-shell.txt', 'x\n');
      bench.remove('b.txt');
    });
    expect(bench.end(first)).toEqual({ files: 3, added: 3, removed: 2, byShell: 2, others: 1, skipped: 0 });
    const { files } = bench.workspace.diff(ALICE, {
      from: { kind: 'turn', turn: 1, phase: 'pre' },
      to: { kind: 'turn', turn: 1, phase: 'post' },
    });
    expect(files.map(({ path, by, change }) => [path, by, change])).toEqual([
      ['a.txt', 'tool', 'changed'],
      ['b.txt', 'shell', 'deleted'],
      ['made/by-shell.txt', 'shell', 'added'],
      ['mine.txt', 'others', 'changed'],
    ]);
  });

  it('is taken back without what the person did', async () => {
    bench.write('a.txt', 'old\n');
    bench.write('mine.txt', 'mine\n');
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'new\n');
    bench.write('mine.txt', 'changed by me\n');
    bench.command(first, () => bench.write('made/x.txt', 'x\n'));
    bench.end(first);
    const plan = await bench.plan(ALICE, 1, 'pre', 1);
    expect(plan).toMatchObject({
      files: [
        { path: 'a.txt', action: 'change', byShell: false, added: 1, removed: 1 },
        { path: 'made/x.txt', action: 'delete', byShell: true },
      ],
      kept: [{ path: 'mine.txt', reason: 'yours' }],
      counts: { create: 0, change: 1, delete: 1, kept: 1, conflicts: 0 },
      warnings: [],
    });
    const result = await bench.workspace.apply(ALICE, plan.planId);
    expect(result).toMatchObject({ restored: 1, deleted: 1, left: 0, kept: 1, conflicts: 0 });
    expect(bench.files()).toEqual({ 'a.txt': 'old\n', 'mine.txt': 'changed by me\n' });
    await expect(bench.workspace.apply(ALICE, plan.planId)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  });

  it('that goes on keeps the files from before its first part', () => {
    bench.write('a.txt', 'before\n');
    const { snapshot } = bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'after\n');
    expect(bench.pre(ALICE, 1).snapshot).toEqual(snapshot);
  });

  it('without its first snapshot is counted by what is known of it', () => {
    bench.write('a.txt', 'before\n');
    bench.edit(first, 'a.txt', 'after\n');
    expect(bench.end(first)).toMatchObject({ files: 1, others: 0 });
  });

  it('has no part in what was changed outside of the workspace', () => {
    bench.pre(ALICE, 1);
    const mutation = { kind: 'files', callId: 'C', paths: [bench.beside('elsewhere.txt')] } as const;
    bench.workspace.beginCall(first, mutation);
    bench.workspace.endCall(first, mutation);
    expect(bench.end(first)).toMatchObject({ files: 0, others: 0 });
  });
});

describe('a restore', () => {
  it('is undone and done again, back and forth', async () => {
    bench.write('a.txt', 'old\n');
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'new\n');
    bench.command(first, () => bench.write('b.txt', 'b\n'));
    bench.end(first);
    await bench.restore(ALICE, 1, 'pre', 1);
    expect(bench.files()).toEqual({ 'a.txt': 'old\n' });
    for (let round = 0; round < 2; round += 1) {
      await bench.undo(ALICE, 1);
      expect(bench.files()).toEqual({ 'a.txt': 'new\n', 'b.txt': 'b\n' });
      await bench.undo(ALICE, 1);
      expect(bench.files()).toEqual({ 'a.txt': 'old\n' });
    }
  });

  it('that is undone after further turns leaves what it had replaced to whom it belonged, also done again and undone', async () => {
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'session');
    bench.end(first);
    bench.write('mine.txt', 'mine');
    await bench.restore(ALICE, 1, 'pre', 1, { all: true });
    expect(bench.files()).toEqual({});
    const second = { sessionId: ALICE, turn: 2 };
    bench.pre(ALICE, 2);
    bench.edit(second, 'c.txt', 'session');
    bench.end(second);
    const whole = { 'a.txt': 'session', 'c.txt': 'session', 'mine.txt': 'mine' };
    for (const expected of [whole, { 'c.txt': 'session' }, whole]) {
      await bench.undo(ALICE, 2);
      expect(bench.files()).toEqual(expected);
    }
    const { kept } = await bench.plan(ALICE, 2, 'post', 2);
    expect(kept).toEqual([{ path: 'mine.txt', reason: 'yours' }]);
    await bench.restore(ALICE, 2, 'post', 2);
    expect(bench.files()).toEqual({ 'c.txt': 'session', 'mine.txt': 'mine' });
  });

  it('is undone but for what was changed since, and says where later turns of the session did that', async () => {
    for (const name of ['again', 'yours', 'both', 'alone']) bench.write(name, 'old');
    bench.pre(ALICE, 1);
    for (const name of ['again', 'yours', 'both', 'alone']) bench.edit(first, name, 'new');
    bench.end(first);
    await bench.restore(ALICE, 1, 'pre', 1);
    bench.write('both', 'by a person');
    const second = { sessionId: ALICE, turn: 2 };
    bench.pre(ALICE, 2);
    for (const name of ['again', 'both']) bench.edit(second, name, 'newer');
    bench.end(second);
    bench.write('yours', 'by a person');
    const { files, kept } = await bench.planUndo(ALICE, 2);
    expect(files.map(({ path }) => path)).toEqual(['alone']);
    expect(kept).toEqual([
      { path: 'again', reason: 'conflict', by: 'session' },
      { path: 'both', reason: 'conflict' },
      { path: 'yours', reason: 'conflict' },
    ]);
  });

  it('that overwrote what is not of the session makes none of it the session’s when it is undone', async () => {
    bench.write('a.txt', 'old\n');
    bench.write('mine.txt', 'mine\n');
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'new\n');
    bench.end(first);
    bench.write('a.txt', 'new, and mine\n');
    bench.write('mine.txt', 'changed by me\n');
    const mine = bench.files();
    for (let round = 0; round < 2; round += 1) {
      await bench.restore(ALICE, 1, 'pre', 1, { all: true });
      expect(bench.files()).toEqual({ 'a.txt': 'old\n', 'mine.txt': 'mine\n' });
      await bench.undo(ALICE, 1);
      expect(bench.files()).toEqual(mine);
      expect(await bench.plan(ALICE, 1, 'pre', 1)).toMatchObject({
        files: [],
        kept: [
          { path: 'a.txt', reason: 'conflict' },
          { path: 'mine.txt', reason: 'yours' },
        ],
      });
    }
  });

  it('to the end of a turn takes back the turns after it, also when restores lie in between', async () => {
    bench.write('a.txt', '0');
    for (const turn of [1, 2, 3]) {
      bench.pre(ALICE, turn);
      bench.edit({ sessionId: ALICE, turn }, 'a.txt', String(turn));
      bench.end({ sessionId: ALICE, turn });
    }
    await bench.restore(ALICE, 1, 'pre', 3);
    expect(bench.text('a.txt')).toBe('0');
    await bench.restore(ALICE, 2, 'post', 3);
    expect(bench.text('a.txt')).toBe('2');
    await bench.restore(ALICE, 1, 'post', 3);
    expect(bench.text('a.txt')).toBe('1');
    bench.pre(ALICE, 4);
    bench.edit({ sessionId: ALICE, turn: 4 }, 'a.txt', '4');
    bench.end({ sessionId: ALICE, turn: 4 });
    await bench.restore(ALICE, 3, 'pre', 4);
    expect(bench.text('a.txt')).toBe('2');
  });

  it('keeps and reports what somebody changed after the session, unless it is told to overwrite that', async () => {
    bench.write('a.txt', 'old\n');
    bench.write('b.txt', 'old\n');
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'session\n');
    bench.edit(first, 'b.txt', 'session\n');
    bench.end(first);
    bench.write('a.txt', 'person\n');
    bench.write('b.txt', 'person\n');
    const plan = await bench.plan(ALICE, 1, 'pre', 1);
    expect(plan.counts).toMatchObject({ change: 0, conflicts: 2 });
    expect(plan.kept).toEqual([
      { path: 'a.txt', reason: 'conflict' },
      { path: 'b.txt', reason: 'conflict' },
    ]);
    await bench.restore(ALICE, 1, 'pre', 1, { overwrite: ['b.txt'] });
    expect(bench.files()).toEqual({ 'a.txt': 'person\n', 'b.txt': 'old\n' });
    await bench.restore(ALICE, 1, 'pre', 1, { all: true });
    expect(bench.files()).toEqual({ 'a.txt': 'old\n', 'b.txt': 'old\n' });
  });

  it('is limited to the paths that are named', async () => {
    bench.pre(ALICE, 1);
    bench.command(first, () => {
      bench.write('in/a.txt', 'a');
      bench.write('out/b.txt', 'b');
    });
    bench.end(first);
    await bench.restore(ALICE, 1, 'pre', 1, { paths: ['./in/'] });
    expect(bench.files()).toEqual({ 'out/b.txt': 'b' });
    await expect(bench.plan(ALICE, 1, 'pre', 1, { paths: ['../project'] })).rejects.toMatchObject({
      kind: 'INVALID_PARAMS',
    });
  });

  it('case 60: says that the HEAD of the project has moved', async () => {
    bench.write('.git/HEAD', 'ref: refs/heads/main\n');
    bench.write('.git/refs/heads/main', `${'a'.repeat(40)}\n`);
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'a');
    bench.end(first);
    bench.write('.git/refs/heads/main', `${'b'.repeat(40)}\n`);
    const { warnings } = await bench.plan(ALICE, 1, 'pre', 1);
    expect(warnings).toEqual([
      "the project's HEAD has moved since (main at aaaaaaa then, main at bbbbbbb now); it stays where it is",
    ]);
  });

  it('names a path that it was asked for and that no snapshot knows', async () => {
    bench.write('dir/a.txt', 'a');
    bench.pre(ALICE, 1);
    bench.edit(first, 'dir/a.txt', 'b');
    bench.end(first);
    const { files, warnings } = await bench.plan(ALICE, 1, 'pre', 1, { paths: ['dir', 'dir/b.txt', 'dir/a.txt/x'] });
    expect(files).toHaveLength(1);
    expect(warnings).toEqual([
      'dir/b.txt is in no snapshot, then or now: misspelt, ignored, or left out',
      'dir/a.txt/x is in no snapshot, then or now: misspelt, ignored, or left out',
    ]);
  });

  it('case 51: brings nothing back that more people may read than before, also by an undo', async () => {
    chmodSync(bench.root, 0o755);
    bench.write('key', 'secret', 0o600);
    bench.write('shared', 'x', 0o640);
    bench.write('open', 'x', 0o644);
    bench.write('deep/in/run', '#!', 0o700);
    bench.write('closed/a', 'x', 0o644);
    chmodSync(join(bench.root, 'closed'), 0o700);
    bench.write('mine', 'x', 0o600);
    const rights = () =>
      ['key', 'shared', 'open', 'deep/in/run', 'closed/a'].map((name) =>
        (statSync(join(bench.root, name)).mode & 0o777).toString(8),
      );
    const first = { sessionId: ALICE, turn: 1 };
    bench.pre(ALICE, 1);
    bench.command(first, () => {
      for (const name of ['key', 'shared', 'open', 'deep', 'closed']) bench.remove(name);
      bench.write('new', 'x', 0o600);
    });
    bench.end(first);
    await bench.restore(ALICE, 1, 'pre', 1);
    expect(rights()).toEqual(['600', '640', '644', '700', '600']);
    await bench.undo(ALICE, 1);
    expect(statSync(join(bench.root, 'new')).mode & 0o777).toBe(0o600);
    const out = bench.beside('out');
    await bench.workspace.writeOut(point(ALICE, 1, 'pre'), out);
    expect(statSync(join(out, 'key')).mode & 0o077).toBe(0);
    expect(statSync(join(out, 'closed/a')).mode & 0o077).toBe(0);
    await bench.undo(ALICE, 1);
    bench.crash();
    expect(rights()).toEqual(['600', '640', '644', '700', '600']);
  });

  it('never deletes what was too large to be captured before', async () => {
    bench.close();
    bench = new Workbench(true, { fileBytes: 10 });
    bench.write('big.txt', 'x'.repeat(100));
    bench.pre(ALICE, 1);
    bench.command(first, () => bench.write('big.txt', 'small'));
    bench.end(first);
    const plan = await bench.plan(ALICE, 1, 'pre', 1, { all: true });
    expect(plan.kept).toEqual([{ path: 'big.txt', reason: 'skipped' }]);
    expect(plan.files).toEqual([]);
  });

  it('has nothing to undo when nothing was restored', async () => {
    bench.pre(ALICE, 1);
    await expect(bench.planUndo(ALICE, 1)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await expect(bench.plan(ALICE, 7, 'pre', 1)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  });
});

describe('a crash', () => {
  it('in a command leaves what it had changed as uncertain', async () => {
    bench.write('a.txt', 'old');
    bench.pre(ALICE, 1);
    bench.edit(first, 'tool.txt', 'tool');
    bench.write('mine.txt', 'mine');
    bench.workspace.beginCall(first, { kind: 'command', callId: 'C' });
    bench.write('a.txt', 'new');
    bench.crash();
    bench.pre(ALICE, 1);
    bench.write('later.txt', 'later');
    expect(bench.end(first)).toMatchObject({ files: 2, byShell: 1, others: 2 });
    const plan = await bench.plan(ALICE, 1, 'pre', 1);
    expect(plan.kept).toEqual([
      { path: 'a.txt', reason: 'ambiguous' },
      { path: 'later.txt', reason: 'yours' },
      { path: 'mine.txt', reason: 'yours' },
    ]);
    expect(plan.files.map(({ path }) => path)).toEqual(['tool.txt']);
    expect(plan.warnings).toEqual(['1 file may have been changed by somebody else and will be kept']);
  });

  it('in a turn that never goes on is seen by the restore', async () => {
    bench.pre(ALICE, 1);
    bench.workspace.beginCall(first, { kind: 'command', callId: 'C' });
    bench.write('a.txt', 'new');
    bench.crash();
    const plan = await bench.plan(ALICE, 1, 'pre', 1);
    expect(plan.kept).toEqual([{ path: 'a.txt', reason: 'ambiguous' }]);
    await bench.restore(ALICE, 1, 'pre', 1, { all: true });
    expect(bench.files()).toEqual({});
  });

  it('in a file tool whose end is told afterwards leaves its change as uncertain', async () => {
    bench.write('a.txt', 'old');
    bench.pre(ALICE, 1);
    const mutation = { kind: 'files', callId: 'C', paths: [join(bench.root, 'a.txt')] } as const;
    bench.workspace.beginCall(first, mutation);
    bench.write('a.txt', 'new');
    bench.crash();
    bench.workspace.endCall(first, mutation);
    bench.end(first);
    expect((await bench.plan(ALICE, 1, 'pre', 1)).kept).toEqual([{ path: 'a.txt', reason: 'ambiguous' }]);
  });

  it('between calls loses nothing of what they changed', async () => {
    bench.write('a.txt', 'old');
    bench.pre(ALICE, 1);
    bench.edit(first, 'a.txt', 'new');
    bench.command(first, () => bench.write('b.txt', 'b'));
    bench.crash();
    expect(bench.end(first)).toMatchObject({ files: 2, byShell: 1, others: 0 });
    bench.crash();
    await bench.restore(ALICE, 1, 'pre', 1);
    expect(bench.files()).toEqual({ 'a.txt': 'old' });
    bench.crash();
    await bench.undo(ALICE, 1);
    expect(bench.files()).toEqual({ 'a.txt': 'new', 'b.txt': 'b' });
  });
});

describe('a snapshot', () => {
  it('that comes too late gets no name, and what was read is kept', () => {
    bench.write('a.txt', 'a');
    const flag = newStopFlag();
    comeTooLate(flag);
    expect(() => bench.workspace.take(point(ALICE, 1, 'pre'), flag)).toThrow('was not ready before the first change');
    expect(bench.workspace.list(ALICE, 10, undefined).snapshots).toEqual([]);
    const stored = bench.workspace.status().storedBytes;
    bench.pre(ALICE, 2);
    expect(bench.workspace.status().storedBytes - stored).toBeLessThan(1500);
  });

  it('that is cancelled leaves nothing', () => {
    const flag = newStopFlag();
    abort(flag);
    expect(() => bench.workspace.take(point(ALICE, 1, 'pre'), flag)).toThrow('cancelled');
    expect(bench.workspace.status()).toMatchObject({ snapshots: 0, lastAt: null });
  });

  it('of too many files names the limit and the command that raises it', () => {
    bench.close();
    bench = new Workbench(true, { files: 2 });
    for (const name of ['a', 'b', 'c']) bench.write(name, name);
    expect(() => bench.pre(ALICE, 1)).toThrow(
      expect.objectContaining({
        kind: 'LIMIT_REACHED',
        message:
          `${bench.root} holds more than 2 files, so its files are not captured; ` +
          '`mctl config set snapshots_max_files 4` would allow more',
        hint: expect.stringContaining('.gitignore'),
      }),
    );
  });

  it('is listed newest first, in pages, and shown with what was left out', () => {
    bench.close();
    bench = new Workbench(false, { fileBytes: 10 });
    bench.write('big', 'x'.repeat(11));
    for (const turn of [9, 10]) {
      bench.pre(ALICE, turn);
      bench.end({ sessionId: ALICE, turn });
    }
    bench.pre(BOB, 1);
    const id = '01J0000000000000000000000Z';
    bench.workspace.take({ sessionId: undefined, point: { kind: 'taken', id } }, newStopFlag());
    const page = bench.workspace.list(ALICE, 3, undefined);
    expect(page.snapshots.map((snapshot) => snapshot.point)).toEqual([
      { kind: 'turn', turn: 10, phase: 'post' },
      { kind: 'turn', turn: 10, phase: 'pre' },
      { kind: 'turn', turn: 9, phase: 'post' },
    ]);
    const rest = bench.workspace.list(ALICE, 3, page.nextCursor ?? undefined);
    expect(rest).toMatchObject({ snapshots: [{ point: { turn: 9, phase: 'pre' } }], nextCursor: null });
    expect(bench.workspace.list(undefined, 100, undefined).snapshots).toHaveLength(6);
    const shown = bench.workspace.show({ sessionId: undefined, point: { kind: 'taken', id } });
    expect(shown).toMatchObject({
      snapshot: { sessionId: null, files: 0, skipped: 1 },
      skippedFiles: [{ path: 'big', reason: 'too-large', bytes: 11 }],
      skippedMore: 0,
    });
    expect(bench.workspace.status()).toMatchObject({ encrypted: false, snapshots: 6, skipped: 1 });
  });

  it('stays encrypted, or plain, as it was made when the setting changes', () => {
    bench.pre(ALICE, 1);
    bench.crash();
    bench.encrypt = false;
    bench.pre(ALICE, 2);
    expect(bench.workspace.status()).toMatchObject({ encrypted: true, snapshots: 2 });
  });
});

describe('a session', () => {
  it('that is forked takes its turns along, and one that is deleted takes its names away', async () => {
    bench.write('a.txt', '0');
    for (const turn of [1, 2]) {
      bench.pre(ALICE, turn);
      bench.edit({ sessionId: ALICE, turn }, 'a.txt', String(turn));
      bench.end({ sessionId: ALICE, turn });
    }
    await bench.restore(ALICE, 2, 'pre', 2);
    bench.workspace.copySession(ALICE, BOB, 1);
    bench.workspace.forgetSession(ALICE);
    expect(bench.workspace.list(ALICE, 10, undefined).snapshots).toEqual([]);
    expect(bench.workspace.list(BOB, 10, undefined).snapshots).toHaveLength(2);
    await expect(bench.planUndo(ALICE, 2)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await bench.restore(BOB, 1, 'pre', 1);
    expect(bench.text('a.txt')).toBe('0');
  });
});

describe('a session that is taken back to a turn', () => {
  it('can be brought forward again in its fork, and goes further back without a conflict', async () => {
    bench.write('a.txt', '0');
    for (const turn of [1, 2, 3]) {
      bench.pre(ALICE, turn);
      bench.edit({ sessionId: ALICE, turn }, 'a.txt', String(turn));
      bench.end({ sessionId: ALICE, turn });
    }
    await bench.restore(ALICE, 2, 'pre', 3);
    bench.workspace.copySession(ALICE, BOB, 1);
    await bench.undo(BOB, 1);
    expect(bench.text('a.txt')).toBe('3');
    await bench.undo(BOB, 1);
    expect(bench.text('a.txt')).toBe('1');
    await bench.restore(BOB, 1, 'pre', 1);
    expect(bench.text('a.txt')).toBe('0');
  });
});

describe('case 35: two sessions at once', () => {
  const alice = first;
  const bob = { sessionId: BOB, turn: 1 };

  it('keep apart what a file tool of one changed within a command of the other', async () => {
    bench.write('shared.txt', 'old');
    bench.pre(ALICE, 1);
    bench.pre(BOB, 1);
    bench.command(alice, () => {
      bench.write('by-alice.txt', 'a');
      bench.edit(bob, 'shared.txt', 'bob');
    });
    expect(bench.end(alice)).toMatchObject({ files: 1, others: 1 });
    expect(bench.end(bob)).toMatchObject({ files: 1, others: 1 });
    await bench.restore(ALICE, 1, 'pre', 1);
    expect(bench.files()).toEqual({ 'shared.txt': 'bob' });
  });

  it('share the doubt about what changed while commands of both ran', async () => {
    bench.pre(ALICE, 1);
    bench.pre(BOB, 1);
    bench.workspace.beginCall(alice, { kind: 'command', callId: 'A' });
    bench.write('alone.txt', 'a');
    bench.workspace.beginCall(bob, { kind: 'command', callId: 'B' });
    bench.write('both.txt', 'x');
    bench.workspace.endCall(alice, { kind: 'command', callId: 'A' });
    bench.write('bob.txt', 'b');
    bench.workspace.endCall(bob, { kind: 'command', callId: 'B' });
    bench.end(alice);
    bench.end(bob);
    const [ofAlice, ofBob] = [await bench.plan(ALICE, 1, 'pre', 1), await bench.plan(BOB, 1, 'pre', 1)];
    expect(ofAlice.files.map(({ path }) => path)).toEqual(['alone.txt']);
    expect(ofAlice.kept).toEqual([
      { path: 'bob.txt', reason: 'yours' },
      { path: 'both.txt', reason: 'ambiguous' },
    ]);
    expect(ofBob.files.map(({ path }) => path)).toEqual(['bob.txt']);
    expect(ofBob.kept).toEqual([
      { path: 'alone.txt', reason: 'yours' },
      { path: 'both.txt', reason: 'ambiguous' },
    ]);
  });

  it('but parallel commands of one turn are one', async () => {
    bench.pre(ALICE, 1);
    bench.workspace.beginCall(alice, { kind: 'command', callId: 'A' });
    bench.workspace.beginCall(alice, { kind: 'command', callId: 'B' });
    bench.write('x.txt', '1');
    bench.workspace.endCall(alice, { kind: 'command', callId: 'A' });
    bench.write('x.txt', '2');
    bench.edit(alice, 'y.txt', 'y');
    bench.workspace.endCall(alice, { kind: 'command', callId: 'B' });
    expect(bench.end(alice)).toMatchObject({ files: 2, byShell: 1, others: 0 });
    await bench.restore(ALICE, 1, 'pre', 1);
    expect(bench.files()).toEqual({});
  });
});

describe('what goes out', () => {
  it('is refused a place inside of the workspace or of what m keeps', async () => {
    bench.pre(ALICE, 1);
    for (const place of [join(bench.root, 'out'), join(bench.dataDirectory, 'out')]) {
      expect(() => bench.workspace.exportTo(place, newStopFlag())).toThrow('is inside of');
      await expect(async () => await bench.workspace.writeOut(point(ALICE, 1, 'pre'), place)).rejects.toThrow(
        'is inside of',
      );
    }
  });

  it('is the files of the snapshot, byte for byte, in a directory that was empty', async () => {
    bench.write('a/b/c.txt', 'deep');
    bench.write('run.sh', '#!/bin/sh\n', 0o755);
    bench.write('nul.bin', Buffer.from([0, 1, 2]));
    bench.pre(ALICE, 1);
    const files = bench.files();
    bench.remove('a');
    mkdirSync(bench.beside('out'));
    const written = await bench.workspace.writeOut(point(ALICE, 1, 'pre'), bench.beside('out'));
    expect(written).toEqual({ files: 3, bytes: 17 });
    expect(bench.files(bench.beside('out'))).toEqual(files);
    await expect(
      async () => await bench.workspace.writeOut(point(ALICE, 1, 'pre'), bench.beside('out')),
    ).rejects.toThrow('is not an empty directory');
  });
});
