import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { main } from '../../../client/mctl/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

type Verified = ResultOf<'snapshot/verify'>;

const CLEAN: Verified = {
  directory: '/data/workspaces/x',
  encrypted: true,
  snapshots: 14,
  records: 9,
  packs: 9,
  objects: 1204,
  bytes: 3_400_000,
  halfRead: 0,
  durationMs: 12,
  problems: [],
  problemsMore: 0,
  hurt: [],
  hurtMore: 0,
};
const READ = '14 snapshots, 9 records of turns and restores, 1204 objects in 9 packs, 3.4 MB';

function workplace(answer: () => Verified | Promise<Verified>) {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'm-verify-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession(directory);
  daemon.overrides['snapshot/verify'] = answer;
  const run = async (line: string, isTTY = false) => {
    const fake = fakeSurroundings(daemon, { isTTY, environment: { NO_COLOR: '1' }, input: '', directory });
    const code = await main(line.replace('ID', sessionId).split(' '), fake.around);
    return { code, out: fake.stdout.text, err: fake.stderr.text };
  };
  const params = () => daemon.calls.findLast((call) => call.method === 'snapshot/verify')?.params;
  return { daemon, directory, sessionId, run, params };
}

function hurt(more: Partial<Verified['hurt'][number]> = {}): Verified['hurt'][number] {
  return {
    sessionId: '01K00000000000000000000001',
    point: { kind: 'turn', turn: 3, phase: 'pre' },
    what: 'the files before turn 3',
    isReadable: false,
    reason: '',
    files: ['src/a.ts', 'b\u001b[31m'],
    filesInAll: 4,
    ...more,
  };
}

test('what is whole is one sentence, for the workspace or that of a session', async () => {
  const { run, params, directory, sessionId } = workplace(() => CLEAN);
  expect(await run('snapshots verify')).toEqual({ code: 0, err: '', out: `${READ}: all read by both readers\n` });
  expect(params()).toEqual({ owner: { kind: 'workspace', workspace: directory } });
  await run('snapshots verify --cwd gone');
  expect(params()).toEqual({ owner: { kind: 'workspace', workspace: join(directory, 'gone') } });
  expect(JSON.parse((await run('snapshots verify ID --json')).out)).toEqual({ workspace: directory, ...CLEAN });
  expect(params()).toEqual({ owner: { kind: 'session', sessionId } });
});

test('names that the second reader refuses are no fault, and are told', async () => {
  const { run } = workplace(() => ({ ...CLEAN, records: 0, halfRead: 1 }));
  const { code, out } = await run('snapshots verify');
  expect([code, out.split('\n')[1]]).toEqual([
    0,
    '1 directory with names that isomorphic-git refuses: of those only the bytes were compared',
  ]);
});

test('what is damaged is named with what it hurts and what to do, harmless to a terminal', async () => {
  const { run } = workplace(() => ({
    ...CLEAN,
    problems: ['pack x cannot be opened: no file of ours'],
    problemsMore: 2,
    hurt: [
      hurt(),
      hurt({ sessionId: null, what: 'the files of 01K', reason: 'Object 1 is missing.', files: [], filesInAll: 0 }),
      hurt({ isReadable: true, files: ['c'], filesInAll: 1 }),
    ],
    hurtMore: 1,
  }));
  const { code, out } = await run('snapshots verify');
  expect(code).toBe(1);
  expect(out.split('\n').slice(0, 7)).toEqual([
    'pack x cannot be opened: no file of ours',
    '… 2 more',
    '  session 01K00000000000000000000001: the files before turn 3: CANNOT BE READ: 4 paths: src/a.ts, "b\\u{1b}[31m" and 2 more',
    '  the files of 01K: CANNOT BE READ: Object 1 is missing.',
    '  session 01K00000000000000000000001: the files before turn 3: only isomorphic-git does not read 1 path: c',
    '  … 1 more',
    `${READ}: NOT all can be read`,
  ]);
  expect(out).toMatch(/not named here is whole[^]*mctl snapshots take[^]*\n {2}\/data\/workspaces\/x\n$/);
});

test('a damage that hurts nobody is a finding, and says so', async () => {
  const { run } = workplace(() => ({ ...CLEAN, problems: ['pack x cannot be opened'] }));
  const { code, out } = await run('snapshots verify');
  expect(code).toBe(1);
  expect(out).toContain('Every snapshot can be brought back as it was.\n');
});

test('a store that does not open, one that is not there, and one that is locked', async () => {
  const closed = workplace(() => ({ ...CLEAN, directory: '', problems: ['The list of snapshots is damaged.'] }));
  expect(await closed.run('snapshots verify')).toMatchObject({
    code: 1,
    out: 'The list of snapshots is damaged.\nnothing else could be looked at\n',
  });
  for (const [kind, code] of [
    ['NOT_FOUND', 3],
    ['KEY_LOCKED', 4],
  ] as const) {
    const { run } = workplace(() => Promise.reject(new ProtocolError(kind, 'why')));
    expect(await run('snapshots verify')).toMatchObject({ code, out: '' });
  }
  const { run } = workplace(() => CLEAN);
  expect(await run('snapshots verify 01KZZ')).toMatchObject({ code: 3 });
});

test('on a terminal it tells how far it is, elsewhere it does not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { daemon, run } = workplace(async () => {
    await vi.advanceTimersByTimeAsync(7_000);
    return CLEAN;
  });
  daemon.overrides['snapshot/status'] = () => ({ verifying: { objects: 300, total: 1204 } });
  expect((await run('snapshots verify', true)).err).toBe('300 of 1204 objects read\n'.repeat(2));
  expect((await run('snapshots verify')).err).toBe('');
  daemon.overrides['snapshot/status'] = () => Promise.reject(new ProtocolError('DRAINING', 'later'));
  expect(await run('snapshots verify', true)).toMatchObject({ code: 0, err: '' });
});
