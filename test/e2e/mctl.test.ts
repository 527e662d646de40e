import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';

let home: MHome;

beforeEach(() => {
  home = new MHome();
});

afterEach(async () => {
  await home.remove();
});

test('daemon status never starts one and ends with 0; start, restart and stop do as they say', async () => {
  expect(await home.json(['daemon', 'status'])).toMatchObject({ running: false, dataDir: home.dataDirectory });
  expect(home.daemonPid()).toBeUndefined();
  expect((await home.run('mctl', ['daemon', 'start'])).out).toMatch(/^daemon started\ndaemon \d/);
  expect((await home.run('mctl', ['daemon', 'start'])).out).toMatch(/^daemon already running\n/);
  const first = (await home.json(['daemon', 'status'])) as { pid: number };
  expect(first).toMatchObject({
    running: true,
    pid: home.daemonPid(),
    version: expect.any(String),
    build: expect.any(String),
    protocol: 1,
    dataDir: home.dataDirectory,
    socket: expect.any(String),
    startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    clients: 1,
  });
  expect((await home.run('mctl', ['daemon', 'restart'])).out).toMatch(/^daemon restarted\n/);
  expect(home.daemonPid()).not.toBe(first.pid);
  expect((await home.run('mctl', ['daemon', 'stop'])).out).toBe('daemon stopped\n');
  expect((await home.run('mctl', ['daemon', 'stop'])).out).toBe('no daemon runs\n');
  expect(await home.json(['daemon', 'status'])).toMatchObject({ running: false });
});

test('a daemon that hangs is named, and ended with --force', async () => {
  await home.run('mctl', ['daemon', 'start']);
  const pid = home.daemonPid() ?? 0;
  process.kill(pid, 'SIGSTOP');
  const named = await home.run('mctl', ['daemon', 'stop']);
  expect(named.code).toBe(69);
  expect(named.err).toContain(`process ${pid}`);
  const doctor = await home.run('mctl', ['doctor']);
  expect(doctor.code).toBe(1);
  expect(doctor.out).toMatch(/BROKEN +daemon .*does not answer\n +.*mctl daemon restart --force/);
  const forced = await home.run('mctl', ['daemon', 'stop', '--force']);
  expect(forced).toMatchObject({ code: 0, out: 'daemon stopped\n' });
});

test('a restart lets a running turn go on', async () => {
  const running = home.start('m', ['run', 'count to 60 every 30 ms']);
  await running.until(' 40');
  expect((await home.run('mctl', ['daemon', 'restart'])).code).toBe(0);
  const { code, out } = await running.finished;
  expect(code).toBe(0);
  expect(out).toMatch(/59 60\n$/);
});

test('sessions: list, show, rename, pin, archive, fork, export, verify, delete', async () => {
  await home.chat(['echo one', 'echo two', '/save kept']);
  const [session] = (await home.json(['sessions', 'list'])) as { id: string }[];
  const id = session?.id ?? '';
  const mctl = async (...args: string[]) => home.run('mctl', ['sessions', ...args]);
  const shape = async () =>
    ((await home.json(['sessions', 'show', id])) as { session: Record<string, unknown> }).session;

  expect((await mctl('show', id, '--tail', '1')).out).toMatch(/assistant, turn 2, .*\n.*two\n$/);
  expect((await mctl('rename', id, 'a', 'new', 'title')).out).toBe('session renamed: a new title\n');
  await mctl('pin', id);
  expect(await shape()).toMatchObject({ title: 'a new title', pinned: true, archived: false });
  await mctl('pin', id, '--off');
  await mctl('archive', id);
  expect(await shape()).toMatchObject({ pinned: false, archived: true });
  expect(await home.json(['sessions', 'list'])).toEqual([]);
  await mctl('unarchive', id);
  expect(await home.json(['sessions', 'list'])).toHaveLength(1);

  expect((await mctl('fork', id, '--turn', '1')).out).toMatch(/^forked session \S+ after turn 1 \(2 messages\)\n$/);
  expect((await mctl('verify')).out).toMatch(
    /^all sessions \(2, archived ones too\) .*, \d+ entries: everything verifies\n$/,
  );
  expect((await mctl('export', id, '-o', 'talk.md')).code).toBe(0);
  expect(readFileSync(join(home.workspace, 'talk.md'), 'utf8')).toMatch(/^# a new title\n[^]*echo one[^]*echo two/);

  const refused = await mctl('delete', id, '--yes');
  expect(refused.code).toBe(5);
  expect(refused.err).toMatch(/save/);
  expect((await mctl('delete', id, '--yes', '--saves', 'keep')).out).toMatch(/^session deleted: [^]*1 save kept/);
  expect((await mctl('show', id)).code).toBe(3);
  const { out } = await home.chat(['/sessions']);
  const save = /(\S+_kept)/.exec(out)?.[1] ?? '';
  expect((await home.json(['sessions', 'show', save])) as object).toMatchObject({ session: { id: save, save: true } });
  expect((await mctl('delete', save, '--yes')).out).toBe(`save deleted: ${save}\n`);
});

test('config: get, set, set-key and path', async () => {
  const mctl = async (...args: string[]) => home.run('mctl', ['config', ...args]);
  const file = join(home.dataDirectory, 'config.toml');
  expect((await mctl('path')).out).toBe(`${file}\n`);
  expect(home.daemonPid()).toBeUndefined();
  expect(await mctl('set', 'idle_exit_minutes', '5')).toMatchObject({ code: 0, out: 'idle_exit_minutes = 5\n' });
  expect((await mctl('get', 'idle_exit_minutes')).out).toBe('5\n');
  expect(readFileSync(file, 'utf8')).toContain('idle_exit_minutes = 5');
  expect((await mctl('set', 'colour', 'red')).code).not.toBe(0);
  expect((await mctl('set', 'idle_exit_minutes', '--unset')).code).toBe(0);
  const stored = await home.run('mctl', ['config', 'set-key', 'local'], { input: 'sk-canary\n' });
  expect(stored).toMatchObject({ code: 0, out: 'the key of local is stored, encrypted\n' });
});

test('doctor finds what is broken with the daemon down, and says how to mend it', async () => {
  expect((await home.run('mctl', ['doctor'])).code).toBe(0);
  expect(home.daemonPid()).toBeUndefined();

  writeFileSync(join(home.dataDirectory, 'config.toml'), 'model = "a/b"\nnonsense\n');
  const run = join(home.dataDirectory, 'run');
  if (!existsSync(run)) mkdirSync(run);
  chmodSync(run, 0o755);
  const { code, out } = await home.run('mctl', ['doctor']);
  expect(code).toBe(1);
  expect(out).toMatch(/BROKEN +\S+ directory .*run is open to other users \(mode 0755\)\n +Close it: `chmod 700/);
  expect(out).toMatch(/BROKEN +configuration .*config\.toml:2/);
  const { findings, ok } = (await home.json(['doctor'])) as { ok: boolean; findings: { state: string }[] };
  expect(ok).toBe(false);
  expect(findings.filter(({ state }) => state === 'broken').length).toBeGreaterThanOrEqual(2);
});

test('doctor with the daemon up looks at key, storage and configuration', async () => {
  await home.chat(['hello']);
  const { code, out } = await home.run('mctl', ['doctor']);
  expect(code).toBe(0);
  expect(out).toMatch(/^ok +storage +everything is saved$/m);
  expect(out).toMatch(/^ok +key +keyfile, the store can be read$/m);
  chmodSync(join(home.dataDirectory, 'key'), 0o644);
  const after = await home.run('mctl', ['doctor']);
  expect(after.code).toBe(1);
  expect(after.out).toMatch(/BROKEN +key file +others can read [^\n]*\n +Close it: chmod 600/);
});

test('logs are read from the files, and followed', async () => {
  await home.run('mctl', ['daemon', 'start']);
  expect((await home.run('mctl', ['daemon', 'logs', '-n', '5'])).out).toMatch(/^\S+Z info +listening/m);
  const following = home.start('mctl', ['daemon', 'logs', '-n', '1', '-f']);
  await following.until(/\n/);
  await home.run('mctl', ['daemon', 'restart']);
  await following.until(/listening/);
  following.process.kill('SIGINT');
  expect((await following.finished).code).toBe(0);
});
