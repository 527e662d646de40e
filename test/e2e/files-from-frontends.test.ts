import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realHome, type RealHome } from '../support/real-daemon.ts';

/** Two turns: a file is written, then changed by a command that also makes another one. */
const TURNS = 'write notes.txt one\\ntwo\nrun echo three >> notes.txt; echo x > "a b.txt"\n';

async function mctl(home: RealHome, ...args: string[]) {
  const program = home.mctl(args);
  const { code } = await program.exit;
  return { code, out: program.stdout(), err: program.stderr() };
}

async function chat(home: RealHome, args: string[], input: string) {
  const program = home.m(args, { input });
  program.process.stdin?.end();
  const { code } = await program.exit;
  return { code, out: program.stdout(), err: program.stderr() };
}

/** A workspace with a file of the person's, and a session of two turns. */
async function worked(turns = TURNS) {
  const home = realHome();
  writeFileSync(join(home.workspace, 'mine.txt'), 'mine\n');
  const first = await chat(home, ['--allow-keyfile', '--mode', 'full'], turns);
  expect(first.code).toBe(0);
  const [{ id }] = JSON.parse((await mctl(home, 'sessions', 'list', '--json')).out) as [{ id: string }];
  const files = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(home.workspace).map((name) => [name, readFileSync(join(home.workspace, name), 'utf8')]),
    );
  return { home, id, first, files };
}

test('a chat says what its turns did to the files, compares them, and brings them back and forth', async () => {
  const { home, id, first, files } = await worked();
  expect(first.err).toContain('1 file changed (+2 -0) · /diff 1 · /restore 1');
  expect(first.err).toContain('2 files changed (+2 -0, 2 by shell) · /diff 2 · /restore 2');
  const after = files();
  const diff = await chat(home, ['-r', id], '/turns\n/diff\n/diff 1 "a b.txt"\n');
  expect(diff.out).toMatch(/^2 .*2 files \+2 -0 .*\n1 .*1 file \+2 -0/m);
  expect(diff.out).toContain('changed notes.txt (+1 -0, by shell)');
  expect(diff.out).toContain('turn 1: no file differs');
  const back = await chat(home, ['-r', id], '/restore 2\n');
  expect(back).toMatchObject({ code: 0, out: expect.stringContaining('1 file restored, 1 deleted\n') });
  expect(files()).toEqual({ 'mine.txt': 'mine\n', 'notes.txt': 'one\ntwo\n' });
  expect((await chat(home, ['-r', id], '/undo\n')).code).toBe(0);
  expect(files()).toEqual(after);
}, 60_000);

test('what a person changed after the session is kept, and the exit codes say so', async () => {
  const { home, id, files } = await worked();
  writeFileSync(join(home.workspace, 'notes.txt'), 'edited by hand\n');
  const refused = await mctl(home, 'snapshots', 'restore', id, '1');
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('Add --yes') });
  const dry = await mctl(home, 'snapshots', 'restore', id, '1', '--dry-run');
  expect(dry.out).toContain('notes.txt: changed by the session, and by you or others');
  const done = await mctl(home, 'snapshots', 'restore', id, '1', '--yes', '--json');
  expect(done.code).toBe(5);
  expect(JSON.parse(done.out)).toMatchObject({ result: { deleted: 1, conflicts: 1 } });
  expect(files()).toEqual({ 'mine.txt': 'mine\n', 'notes.txt': 'edited by hand\n' });
  expect((await chat(home, ['-r', id], '/restore 1\n')).code).toBe(5);
  expect(await mctl(home, 'snapshots', 'restore', id, '9', '--yes')).toMatchObject({ code: 3 });
  expect(await mctl(home, 'snapshots', 'undo', id, '--yes')).toMatchObject({ code: 0 });
  expect(files()).toMatchObject({ 'a b.txt': 'x\n', 'notes.txt': 'edited by hand\n' });
}, 60_000);

test('rewinding goes on in a fork before the turn, where the restore can be undone', async () => {
  const { home, id, files } = await worked();
  const after = files();
  const rewound = await chat(home, ['-r', id], '/rewind 2\n');
  expect(rewound).toMatchObject({ code: 0, out: expect.stringContaining('the prompt of turn 2 was:\nrun echo three') });
  expect(files()).toEqual({ 'mine.txt': 'mine\n', 'notes.txt': 'one\ntwo\n' });
  const [, fork = ''] = /^forked session (\S+) after turn 1$/m.exec(rewound.out) ?? [];
  expect((await chat(home, ['-r', fork], '/undo\n')).out).toContain('the last restore is taken back');
  expect(files()).toEqual(after);
}, 60_000);

test('a fork with its files works in a directory of its own, and leaves the workspace alone', async () => {
  const { home, id, files } = await worked();
  const after = files();
  const copy = join(home.root, 'copy of it');
  const forked = await chat(home, ['-r', id], `/fork 1 --with-files "${copy}"\nwrite new.txt y\n`);
  expect(forked).toMatchObject({ code: 0, out: expect.stringContaining(`it works in ${copy}`) });
  expect(readFileSync(join(copy, 'notes.txt'), 'utf8')).toBe('one\ntwo\n');
  expect(readFileSync(join(copy, 'new.txt'), 'utf8')).toBe('y\n');
  expect(files()).toEqual(after);
}, 60_000);

test('mctl lists, shows and compares snapshots; what it prints is a patch, what it exports a repository of git', async () => {
  const { home, id, files } = await worked();
  const list = JSON.parse((await mctl(home, 'snapshots', 'list', '--json')).out) as { point: object }[];
  expect(list.map(({ point }) => point)).toContainEqual({ kind: 'turn', turn: 2, phase: 'post' });
  expect((await mctl(home, 'snapshots', 'show', id, '2')).out).toContain('3 files, ');
  expect((await mctl(home, 'snapshots', 'status')).out).toContain('3 files captured');
  const taken = JSON.parse((await mctl(home, 'snapshots', 'take', '--json')).out) as {
    snapshot: { point: { id: string } };
  };
  writeFileSync(join(home.workspace, 'mine.txt'), 'changed\n');
  const since = await mctl(home, 'snapshots', 'diff', taken.snapshot.point.id);
  expect(since.out).toContain('changed mine.txt (+1 -1)');

  const patch = (await mctl(home, 'snapshots', 'diff', id, '1', '2')).out;
  const elsewhere = join(home.root, 'patched');
  mkdirSync(elsewhere);
  const env = { PATH: process.env['PATH'], HOME: home.root, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  execFileSync('git', ['apply', '-'], { cwd: elsewhere, env, input: patch });
  expect(readFileSync(join(elsewhere, 'notes.txt'), 'utf8')).toBe(files()['notes.txt']);
  expect(readFileSync(join(elsewhere, 'a b.txt'), 'utf8')).toBe('x\n');

  const out = join(home.root, 'out.git');
  expect((await mctl(home, 'snapshots', 'export', out)).code).toBe(0);
  expect(execFileSync('git', ['-C', out, 'fsck', '--full'], { env, stdio: 'pipe' }).toString()).toBe('');
  expect(existsSync(join(out, 'HEAD'))).toBe(true);
}, 60_000);

test('m run says what its turn did to the files', async () => {
  const home = realHome();
  const run = home.m(['run', '--allow-keyfile', '--mode', 'full', '--json', 'write a.txt x']);
  expect((await run.exit).code).toBe(0);
  const lines = run
    .stdout()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  expect(lines.at(-2)).toMatchObject({ type: 'snapshot', turn: 1, restorable: true, files: 1, added: 1, byShell: 0 });
}, 60_000);
