import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../../client/mctl/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { Snapshot } from '../../../protocol/snapshot.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import {
  AT,
  diffFile,
  diffPage,
  entry,
  plan,
  planWithConflict,
  result,
  status,
  summary,
  withRestores,
} from '../../support/snapshot-samples.ts';

const TAKEN = '01K00000000000000000000099';
const COUNTS = { files: 12, bytes: 34_000, skipped: 1 };

interface Given {
  readonly input?: string;
  readonly isTTY?: boolean;
  readonly directory?: string;
}

/** A daemon with one session in a directory of its own, and a way to run commands there. */
function workplace() {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'm-snap-')));
  onTestFinished(() => rmSync(workspace, { recursive: true }));
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession(workspace);
  daemon.begin(sessionId, 1, 'hello');
  daemon.complete(sessionId, 1, 'done');
  daemon.overrides['turn/list'] = () => ({ turns: [summary(1)], more: false });
  const run = async (line: string, { input = '', isTTY = false, directory = workspace }: Given = {}) => {
    const environment = { NO_COLOR: '1', M_PAGER: 'cat' };
    const fake = fakeSurroundings(daemon, { isTTY, environment, input, directory });
    const code = await main(line.replace('ID', sessionId).split(' '), fake.around);
    return { code, out: fake.stdout.text, err: fake.stderr.text };
  };
  const params = (method: string) => daemon.calls.findLast((call) => call.method === method)?.params;
  return { daemon, sessionId, workspace, run, params };
}

function snapshot(change: Partial<Snapshot> = {}): Snapshot {
  return { point: { kind: 'turn', turn: 1, phase: 'pre' }, sessionId: null, at: AT, ...COUNTS, ...change };
}

test('list shows the snapshots of the workspace, or of a session, and all of them as JSON', async () => {
  const { daemon, run, params, workspace, sessionId } = workplace();
  const all = [snapshot({ sessionId }), snapshot({ point: { kind: 'taken', id: TAKEN } })];
  daemon.overrides['snapshot/list'] = ({ cursor }: { cursor?: string }) =>
    cursor === undefined ? { snapshots: all, nextCursor: 'c' } : { snapshots: [snapshot()], nextCursor: null };
  const { out, code } = await run('snapshots list --limit 2');
  expect(code).toBe(0);
  expect(out).toMatch(/^TURN +TAKEN +FILES/);
  expect(out).toContain('1 pre');
  expect(out).toContain(TAKEN);
  expect(out).toContain('… --limit shows more');
  for (const row of out.split('\n')) expect(row.length).toBeLessThanOrEqual(60);
  expect(params('snapshot/list')).toEqual({ owner: { kind: 'workspace', workspace }, limit: 2 });
  expect(JSON.parse((await run('snapshots list ID --json')).out)).toEqual([...all, snapshot()]);
  expect(params('snapshot/list')).toMatchObject({ owner: { kind: 'session', sessionId }, cursor: 'c' });
});

test('list says how many snapshots a damage of the store hides', async () => {
  const { daemon, run } = workplace();
  daemon.overrides['snapshot/list'] = () => ({ snapshots: [snapshot()], unreadable: 2, nextCursor: null });
  const { out, err, code } = await run('snapshots list');
  expect(code).toBe(0);
  expect(out).toContain('1 pre');
  expect(err).toBe('mctl: 2 snapshots cannot be read, because the store is damaged, and are not listed\n');
  daemon.overrides['snapshot/list'] = () => ({ snapshots: [], unreadable: 1, nextCursor: null });
  expect((await run('snapshots list')).out).toBe('no snapshot that can be read\n');
  expect(JSON.parse((await run('snapshots list --json')).out)).toEqual([]);
});

test('list finds the snapshots of a directory that is gone by its path', async () => {
  const { daemon, run, params } = workplace();
  daemon.overrides['snapshot/list'] = () => ({ snapshots: [], nextCursor: null });
  expect((await run('snapshots list --cwd /no/such/directory')).out).toBe('no snapshot yet\n');
  expect(params('snapshot/list')).toMatchObject({ owner: { workspace: '/no/such/directory' } });
});

test('show tells what is in a snapshot and what was left out, of a turn or of one taken by hand', async () => {
  const { daemon, run, params, sessionId, workspace } = workplace();
  daemon.overrides['snapshot/show'] = () => ({
    snapshot: snapshot(),
    commit: 'c'.repeat(40),
    tree: 't'.repeat(40),
    skippedFiles: [{ path: 'big\nfile', reason: 'too-large', bytes: 12_000_000 }],
    skippedMore: 4,
    remarks: ['3 repositories\x1b are in it'],
    durationMs: 80,
  });
  const { out } = await run('snapshots show ID 1');
  expect(out).toContain('12 files, 34.0 kB, 1 skipped\n');
  expect(out).toContain('  "big\\nfile": too large (12.0 MB)\n  … 4 more\n');
  expect(out).toContain('3 repositories␛ are in it');
  expect(params('snapshot/show')).toEqual({
    owner: { kind: 'session', sessionId },
    point: { kind: 'turn', turn: 1, phase: 'post' },
  });
  await run('snapshots show ID 1 --phase pre');
  expect(params('snapshot/show')).toMatchObject({ point: { phase: 'pre' } });
  await run(`snapshots show ${TAKEN}`);
  expect(params('snapshot/show')).toEqual({
    owner: { kind: 'workspace', workspace },
    point: { kind: 'taken', id: TAKEN },
  });
  expect((await run('snapshots show 01K')).err).toContain('the number of a turn is missing');
});

test('diff prints a unified diff with lines as they are, and everything as JSON', async () => {
  const { daemon, run, params, sessionId } = workplace();
  const [hunk] = diffFile().hunks;
  const file = diffFile({ hunks: [{ ...hunk!, lines: [{ kind: '+', text: '\tx\x1b[2J' }] }] });
  daemon.overrides['snapshot/diff'] = ({ offset = 0 }: { offset?: number }) =>
    diffPage([file], { total: 2, nextOffset: offset === 0 ? 1 : null });
  const { out, code } = await run('snapshots diff ID 1 src');
  expect(code).toBe(0);
  expect(out).toContain('--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,2 @@\n+\tx\x1b[2J\n');
  expect(params('snapshot/diff')).toMatchObject({ owner: { kind: 'session', sessionId }, paths: ['src'], offset: 1 });
  const json = (await run('snapshots diff ID 1 --json')).out;
  expect(JSON.parse(json)).toEqual({ total: 2, added: 1, removed: 1, files: [file, file] });
  expect(json).not.toContain('\x1b');
  await run('snapshots diff ID 1 now');
  expect(params('snapshot/diff')).not.toHaveProperty('to');
});

test('diff on a terminal is harmless', async () => {
  const { daemon, run } = workplace();
  const [hunk] = diffFile().hunks;
  daemon.overrides['snapshot/diff'] = () =>
    diffPage([diffFile({ hunks: [{ ...hunk!, lines: [{ kind: '+', text: '\x1b[2J' }] }] })]);
  expect((await run('snapshots diff ID', { isTTY: true })).out).toContain('+␛[2J\n');
});

test.each([
  [{ TERM: 'xterm' }, true],
  [{ TERM: 'xterm', NO_COLOR: '1' }, false],
  [{ TERM: 'dumb' }, false],
])('with %j a difference on a terminal is in colours: %s', async (environment, isColoured) => {
  const { daemon, sessionId, workspace } = workplace();
  daemon.overrides['snapshot/diff'] = () => diffPage([diffFile()]);
  const around = { isTTY: true, environment: { M_PAGER: '', ...environment }, input: '', directory: workspace };
  const fake = fakeSurroundings(daemon, around);
  expect(await main(['snapshots', 'diff', sessionId, '1'], fake.around)).toBe(0);
  expect(fake.stdout.text.includes('\x1b[32m+three')).toBe(isColoured);
});

test('diff compares a snapshot that was taken by hand with the files as they are', async () => {
  const { run, params, daemon, workspace } = workplace();
  daemon.overrides['snapshot/diff'] = () => diffPage([diffFile()]);
  expect((await run(`snapshots diff ${TAKEN} src`)).out).toContain(`from ${TAKEN} to now: 1 file`);
  expect(params('snapshot/diff')).toEqual({
    owner: { kind: 'workspace', workspace },
    from: { kind: 'taken', id: TAKEN },
    paths: ['src'],
  });
  expect(await run(`snapshots diff ${TAKEN} 3`)).toMatchObject({ code: 2 });
});

test('turns list says what each turn did to the files', async () => {
  const { run, daemon, sessionId } = workplace();
  delete daemon.overrides['turn/list'];
  daemon.begin(sessionId, 2, 'more');
  daemon.emit(sessionId, 'snapshot', 2, entry());
  daemon.complete(sessionId, 2, 'done');
  const { out } = await run('turns list ID');
  expect(out).toMatch(/^1 .*hello\n2 .*more\n {3}2 files changed \(\+10 -3, 1 by shell\)\n$/);
  expect(JSON.parse((await run('turns list ID --json')).out)).toMatchObject([
    { turn: 1, snapshot: null },
    { turn: 2, snapshot: entry() },
  ]);
});

test('turns of a save are listed also when its session is gone', async () => {
  const { run, daemon, sessionId } = workplace();
  const client = daemon.connect();
  const { save } = await client.call('save/create', { opId: client.newOpId(), sessionId });
  daemon.overrides['turn/list'] = () => {
    throw new ProtocolError('NOT_FOUND', 'no such session');
  };
  expect(await run(`turns list ${save.id}`)).toMatchObject({ code: 0, out: expect.stringContaining('hello') });
  expect(await run('turns list ID')).toMatchObject({ code: 3 });
});

test('paths are taken from where the person is', async () => {
  const { run, params, daemon, workspace } = workplace();
  mkdirSync(join(workspace, 'src'));
  daemon.overrides['snapshot/diff'] = () => diffPage([]);
  await run('snapshots diff ID 1 a.ts ../b.ts', { directory: join(workspace, 'src') });
  expect(params('snapshot/diff')).toMatchObject({ paths: ['src/a.ts', 'b.ts'] });
  expect(await run('snapshots diff ID 1 /etc/passwd')).toMatchObject({ code: 2 });
});

test('restore needs somebody who confirms it, and says how to do without', async () => {
  const { run, daemon } = workplace();
  withRestores(daemon, [plan()]);
  for (const line of ['snapshots restore ID 1', 'snapshots undo ID']) {
    const { code, err } = await run(line);
    expect(code).toBe(2);
    expect(err).toContain('Add --yes to do it without being asked, or --dry-run to see what would be done.');
  }
  expect(await run('snapshots restore ID 1 --json', { isTTY: true, input: 'y\n' })).toMatchObject({ code: 2 });
  expect(daemon.calls).toEqual([]);
});

test('restore --yes does it, and --dry-run only says what would be done', async () => {
  const { run, daemon, params, sessionId } = workplace();
  withRestores(daemon, [plan()]);
  const dry = await run('snapshots restore ID 1 --dry-run --all --phase post src/a.ts');
  expect(dry).toMatchObject({
    code: 0,
    out: expect.stringContaining('the files from after turn 1: 1 file: 1 changed'),
  });
  expect(params('restore/plan')).toEqual({
    sessionId,
    target: { kind: 'turn', turn: 1, phase: 'post' },
    paths: ['src/a.ts'],
    all: true,
  });
  expect(params('restore/apply')).toBeUndefined();
  const { code, out } = await run('snapshots restore ID 1 -y');
  expect(code).toBe(0);
  expect(out).toContain(`are back; mctl snapshots undo ${sessionId} takes it back`);
});

test('restore takes the id of a snapshot that was taken by hand for what the session has changed since', async () => {
  const { run, daemon, params, sessionId } = workplace();
  withRestores(daemon, [plan()]);
  const { code, out } = await run(`snapshots restore ID ${TAKEN} -y`);
  expect(code).toBe(0);
  expect(out).toContain(`the files of the snapshot ${TAKEN} are back`);
  expect(params('restore/plan')).toEqual({ sessionId, target: { kind: 'taken', id: TAKEN } });
  await expect(run('snapshots restore ID last -y')).resolves.toMatchObject({ code: 2 });
});

test('skip has a turn go on without its files', async () => {
  const { run, daemon, params, sessionId } = workplace();
  daemon.overrides['snapshot/giveUp'] = () => ({ turn: 3 });
  const out = 'turn 3 goes on, and its files cannot be brought back\n';
  await expect(run('snapshots skip ID')).resolves.toMatchObject({ code: 0, out });
  expect(params('snapshot/giveUp')).toEqual({ sessionId });
  daemon.overrides['snapshot/giveUp'] = () => ({ turn: 3, phase: 'post' });
  const end = 'turn 3 ends now; its files are captured soon after\n';
  await expect(run('snapshots skip ID')).resolves.toMatchObject({ code: 0, out: end });
  daemon.overrides['snapshot/giveUp'] = () => ({ turn: null });
  await expect(run('snapshots skip ID')).resolves.toMatchObject({ code: 0, out: 'no turn waits for its files\n' });
  expect(JSON.parse((await run('snapshots skip ID --json')).out)).toEqual({ turn: null });
});

test('undo takes the last restore back', async () => {
  const { run, daemon, params, sessionId } = workplace();
  withRestores(daemon, [plan()]);
  expect(await run('snapshots undo ID --yes')).toMatchObject({
    code: 0,
    out: expect.stringContaining('is taken back'),
  });
  expect(params('restore/plan')).toEqual({ sessionId, target: { kind: 'undo' } });
});

test.each([
  ['conflicts that are kept', [planWithConflict()], result({ kept: 1, conflicts: 1 }), 5],
  ['conflicts alone', [{ ...planWithConflict(), files: [] }], result(), 5],
  ['a file that could not be restored', [plan()], result({ left: 1 }), 1],
  ['nothing to do', [{ ...plan(), files: [] }], result(), 0],
])('%s have an exit code of their own', async (_what, plans, restored, code) => {
  const { run, daemon } = workplace();
  withRestores(daemon, plans, restored);
  expect((await run('snapshots restore ID 1 --yes')).code).toBe(code);
  const json = await run('snapshots restore ID 1 --yes --json');
  expect(json.code).toBe(code);
  expect(JSON.parse(json.out)).toEqual({ plan: plans[0], result: plans[0]?.files.length === 0 ? null : restored });
});

test('a turn or session that is not there ends with 3', async () => {
  const { run, daemon } = workplace();
  daemon.overrides['restore/plan'] = () => {
    throw new ProtocolError('NOT_FOUND', 'turn 7 does not exist');
  };
  expect(await run('snapshots restore ID 7 --yes')).toMatchObject({ code: 3, err: 'mctl: turn 7 does not exist\n' });
  expect((await run('snapshots diff nope')).code).toBe(3);
});

test.each([
  'snapshots restore ID x --yes',
  'snapshots restore ID 1 --phase x',
  'snapshots diff ID 4 2',
  'snapshots list --limit 0',
])('%s is no command line', async (line) => {
  expect((await workplace().run(line)).code).toBe(2);
});

test('on a terminal the plan is shown and asked about, conflicts by themselves', async () => {
  const { run, daemon, params } = workplace();
  withRestores(daemon, [planWithConflict(), plan()]);
  const { code, out, err } = await run('snapshots restore ID 1', { isTTY: true, input: 'overwrite\ny\n' });
  expect(code).toBe(0);
  expect(out).toContain('both.txt: changed by the session, and by you or others');
  expect(err).toContain('1 file changed by the session and others: [K]eep them [o]verwrite them ');
  expect(err).toContain('restore 1 file? [y]es [N]o ');
  expect(params('restore/plan')).toMatchObject({ overwrite: ['both.txt'] });
});

test('anything but yes on a terminal changes nothing and ends like every no', async () => {
  const { run, daemon, params } = workplace();
  withRestores(daemon, [plan()]);
  const { code, out } = await run('snapshots restore ID 1', { isTTY: true, input: '\n' });
  expect({ code, isSaid: out.includes('nothing was changed') }).toEqual({ code: 130, isSaid: true });
  expect(params('restore/apply')).toBeUndefined();
});

test('status says whether files are captured, what it costs and what was left out', async () => {
  const { run, daemon, params, workspace } = workplace();
  const state = status({ skippedFiles: [{ path: 'fifo', reason: 'special' }] });
  daemon.overrides['snapshot/status'] = () => state;
  const { out } = await run('snapshots status');
  expect(out).toContain('files:     1203 files captured, 45.2 MB, 3 skipped');
  expect(out).toContain(
    'stored:    8 snapshots, 12.0 MB on disk\n' +
      'changes:   every file is looked at (1203 files are scanned quickly)\n' +
      'skipped:\n  fifo: neither a file nor a link\n  … 2 more\n',
  );
  daemon.overrides['snapshot/status'] = () => status({ engine: 'watch', engineReason: '\u001b[31mlarge' });
  const watched = (await run('snapshots status')).out;
  expect(watched).toMatch(/^changes: {3}directories are watched \(.*large\)$/m);
  expect(watched).not.toContain('\u001b');
  daemon.overrides['snapshot/status'] = () => status({ engine: undefined, engineReason: undefined });
  expect((await run('snapshots status')).out).not.toContain('changes:');
  const pruneFailing = { problem: 'a pack is\u001b[31m damaged', since: AT };
  daemon.overrides['snapshot/status'] = () => status({ pruneFailing });
  expect((await run('snapshots status')).out).toMatch(/^removal: {3}FAILS since .*: a pack is.* damaged$/m);
  daemon.overrides['snapshot/status'] = () => state;
  expect(params('snapshot/status')).toEqual({ workspace });
  expect(JSON.parse((await run('snapshots status --json')).out)).toEqual({ workspace, ...state });
  expect((await run('snapshots status --cwd /no/such/directory')).code).toBe(2);
});

test('take names the snapshot that was taken', async () => {
  const { run, daemon, params, workspace } = workplace();
  const taken = { snapshot: snapshot({ point: { kind: 'taken', id: TAKEN } }), durationMs: 90 };
  daemon.overrides['snapshot/take'] = () => taken;
  expect((await run('snapshots take')).out).toBe(
    `snapshot taken: ${TAKEN}\n  12 files, 34.0 kB, 1 skipped, in 90 ms\n`,
  );
  expect(params('snapshot/take')).toMatchObject({ workspace, opId: expect.any(String) });
  expect(JSON.parse((await run('snapshots take --json')).out)).toEqual(taken);
});

test('export names an absolute directory, and says that it is not encrypted', async () => {
  const { run, daemon, params, workspace } = workplace();
  daemon.overrides['snapshot/export'] = () => ({ snapshots: 2, objects: 30, bytes: 4_000 });
  expect((await run('snapshots export out.git')).out).toBe(
    `2 snapshots written to ${workspace}/out.git\n  30 objects, 4.0 kB, not encrypted\n`,
  );
  expect(params('snapshot/export')).toEqual({ workspace, destination: `${workspace}/out.git` });
  daemon.overrides['snapshot/export'] = () => ({ snapshots: 2, objects: 30, bytes: 4_000, damaged: 3 });
  const { code, err } = await run('snapshots export out.git');
  expect([code, err]).toEqual([1, 'mctl: 3 snapshots left out: what the store has of them is damaged\n']);
});

function pruned(change: object = {}) {
  const row = {
    workspace: '/w',
    exists: false,
    removed: 4,
    kept: 0,
    freedBytes: 2e6,
    leftBytes: 0,
    empty: true,
    problem: '',
  };
  const totals = { removed: 4, kept: 2, freedBytes: 2e6, leftBytes: 3e6, overBytes: 0 };
  return {
    ...totals,
    workspaces: [row, { ...row, workspace: '/v', removed: 0, freedBytes: 0, empty: false }],
    ...change,
  };
}

test('prune says what went, or with --dry-run what would, of all workspaces or of one', async () => {
  const { daemon, run, params, workspace } = workplace();
  daemon.overrides['snapshot/prune'] = () => pruned();
  const { out, code } = await run('snapshots prune --dry-run');
  expect([out, code]).toEqual([
    '/w (gone): all would be removed, 2.0 MB\n4 snapshots would be removed, 2.0 MB would be freed, 3.0 MB left in snapshots; 2 snapshots protected\n',
    0,
  ]);
  expect(params('snapshot/prune')).toEqual({ dryRun: true });
  expect((await run('snapshots prune --cwd .')).out).toContain('4 snapshots removed, 2.0 MB freed');
  expect(params('snapshot/prune')).toEqual({ dryRun: false, workspace });
  expect(JSON.parse((await run('snapshots prune --json')).out)).toEqual(pruned());
});

test('prune of a directory of which nothing is stored says that', async () => {
  const { daemon, run } = workplace();
  daemon.overrides['snapshot/prune'] = () => pruned({ removed: 0, workspaces: [] });
  expect((await run('snapshots prune --cwd /no/such')).out).toBe('nothing is stored of /no/such\n');
});

test('prune fails when a workspace did, and tells when the limit cannot be kept to', async () => {
  const { daemon, run } = workplace();
  const [row] = pruned().workspaces;
  const workspaces = [{ ...row, exists: true, problem: 'the disk is full' }];
  daemon.overrides['snapshot/prune'] = () => pruned({ workspaces, overBytes: 1e6 });
  const { out, code } = await run('snapshots prune');
  expect(code).toBe(1);
  expect(out).toContain('/w: NOT DONE: the disk is full\n');
  expect(out).toContain('more than snapshots_max_stored_megabytes allows: what is left is protected');
});

test('status --all lists every workspace, the largest first, and what they take together', async () => {
  const { daemon, run, params } = workplace();
  const row = {
    workspace: '/a',
    exists: true,
    snapshots: 3,
    storedBytes: 1e6,
    oldestAt: AT,
    newestAt: AT,
    problem: '',
  };
  const gone = { ...row, workspace: '/b\u001b[31m', exists: false, storedBytes: 5e6, oldestAt: null };
  daemon.overrides['snapshot/usage'] = () => ({
    storedBytes: 6e6,
    snapshotBytes: 5e6,
    maxStoredBytes: 1e9,
    maxAgeDays: 7,
    prunedAt: null,
    announcedFor: AT,
    failing: [{ workspace: '/a', problem: 'a pack is damaged', since: AT }],
    workspaces: [row, gone],
  });
  const { out } = await run('snapshots status --all');
  const lines = out.split('\n');
  expect(lines[0]).toMatch(/^SIZE +SNAPSHOTS +OLDEST +WORKSPACE$/);
  expect(lines[1]).toContain('(gone)');
  expect(out).not.toContain('\u001b[31m');
  expect(out).toContain('stored:   6.0 MB on disk, 5.0 MB of it snapshots of at most 1.0 GB');
  expect(out).toMatch(/removed: {2}older than 7 days are removed, from /);
  expect(out).toMatch(/^FAILS: {4}\/a since .*: a pack is damaged$/m);
  expect(params('snapshot/usage')).toEqual({ all: true });
});

test('relink tells where a directory was and where it is', async () => {
  const { daemon, run, params, workspace } = workplace();
  daemon.overrides['snapshot/relink'] = () => ({ sessions: 2 });
  expect((await run('snapshots relink /no/such/old .')).out).toBe(`2 sessions of /no/such/old now at ${workspace}\n`);
  expect(params('snapshot/relink')).toEqual({ opId: expect.any(String), from: '/no/such/old', to: workspace });
  const refused = await run('snapshots relink /no/such/old /no/such/new');
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('/no/such/new is no directory')]);
});

test('relink knows where a directory was by a link that was left there, and below one', async () => {
  const { daemon, run, params, workspace } = workplace();
  daemon.overrides['snapshot/relink'] = () => ({ sessions: 1 });
  symlinkSync('.', join(workspace, 'left'));
  await run('snapshots relink left .');
  expect(params('snapshot/relink')).toMatchObject({ from: join(workspace, 'left'), to: workspace });
  await run('snapshots relink left/gone/old .');
  expect(params('snapshot/relink')).toMatchObject({ from: join(workspace, 'gone', 'old'), to: workspace });
});
