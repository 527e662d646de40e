/** Snapshots where somebody means harm, or shares the directory: links, another daemon, git's settings, damage on the disk. */
import { createHash } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import type { RestoreTarget } from '../../protocol/snapshot.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const FIRST: RestoreTarget = { kind: 'turn', turn: 1, phase: 'pre' };

async function worked(home: RealHome, prompt: string, workspace = home.workspace) {
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace, prompt, mode: 'full' });
  await me.state(1, 'completed');
  return { client, sessionId: me.sessionId, me };
}

async function restore(client: Client, sessionId: string, target: RestoreTarget) {
  const { planId } = await client.call('restore/plan', { sessionId, target });
  return await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId });
}

/** Every file below a directory: what it is, when it was changed, and its content. */
function pictureOf(directory: string): Record<string, string> {
  const picture: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const { mode, mtimeMs, ctimeMs } = lstatSync(join(directory, name));
    const content = lstatSync(join(directory, name)).isFile() ? readFileSync(join(directory, name), 'latin1') : '';
    picture[name] = `${mode} ${mtimeMs} ${ctimeMs} ${content}`;
  }
  return picture;
}

test('case 34: m works where a link leads to, and a workspace that became a link is not followed', async () => {
  const home = realHome();
  const { workspace, root } = home;
  symlinkSync('w', join(root, 'link'));
  writeFileSync(join(workspace, 'a.txt'), 'one\n');
  const program = home.m(['run', '--mode', 'full', '--cwd', join(root, 'link'), 'edit a.txt one two']);
  expect((await program.exit).code, program.stderr()).toBe(0);
  const client = await home.client();
  const { snapshots } = await client.call('snapshot/list', { owner: { kind: 'workspace', workspace } });
  expect(snapshots).toHaveLength(2);
  const sessionId = snapshots[0]?.sessionId ?? '';
  renameSync(workspace, join(root, 'moved'));
  symlinkSync('moved', workspace);
  await expect(client.call('restore/plan', { sessionId, target: FIRST })).rejects.toThrow('is a symbolic link now');
  expect(readFileSync(join(root, 'moved', 'a.txt'), 'utf8')).toBe('two\n');
  unlinkSync(workspace);
  renameSync(join(root, 'moved'), workspace);
  await restore(client, sessionId, FIRST);
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\n');
});

test('case 34: a workspace that a command has removed comes back, once there is a directory for it', async () => {
  const home = realHome();
  const { workspace, root } = home;
  mkdirSync(join(workspace, 'src'));
  writeFileSync(join(workspace, 'src', 'a.txt'), 'precious\n');
  writeFileSync(join(root, 'script.sh'), `cd / && rm -r '${workspace}'\n`);
  const { client, sessionId } = await worked(home, `run sh ${join(root, 'script.sh')}`);
  expect(existsSync(workspace)).toBe(false);
  await expect(client.call('restore/plan', { sessionId, target: FIRST })).rejects.toThrow('make the directory again');
  mkdirSync(workspace);
  const { planId } = await client.call('restore/plan', { sessionId, target: FIRST, all: true });
  await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId });
  expect(readFileSync(join(workspace, 'src', 'a.txt'), 'utf8')).toBe('precious\n');
});

test('case 36: two daemons work in one directory, and each brings back what its own session did', async () => {
  const [one, other] = [realHome(), realHome()];
  const { workspace } = one;
  for (const name of ['a.txt', 'b.txt']) writeFileSync(join(workspace, name), 'old\n');
  const [first, second] = await Promise.all([
    worked(one, 'edit a.txt old new\nwrite one.txt 1', workspace),
    worked(other, 'edit b.txt old new\nwrite other.txt 2', workspace),
  ]);
  await Promise.all([restore(first.client, first.sessionId, FIRST), restore(second.client, second.sessionId, FIRST)]);
  expect(readdirSync(workspace).sort()).toEqual(['a.txt', 'b.txt']);
  for (const name of ['a.txt', 'b.txt']) expect(readFileSync(join(workspace, name), 'utf8')).toBe('old\n');
  for (const home of [one, other]) expect(await home.finish()).toEqual([]);
});

const hasGit = spawnSync('git', ['--version']).error === undefined;
test.skipIf(!hasGit)('cases 27 and 30: no setting of git is obeyed, and no byte of .git changes', async () => {
  const trap = join('..', 'trap');
  const home = realHome({
    environment: {
      GIT_DIR: '/nonexistent',
      GIT_INDEX_FILE: '/nonexistent',
      GIT_EXTERNAL_DIFF: trap,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.fsmonitor',
      GIT_CONFIG_VALUE_0: trap,
    },
  });
  const { workspace, root } = home;
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: workspace,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'], HOME: root, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  git('init', '-q');
  writeFileSync(join(workspace, 'a.txt'), 'one\r\n');
  git('add', '.');
  writeFileSync(join(root, 'trap'), `#!/bin/sh\ntouch "${join(root, 'SPRUNG')}"\n`);
  chmodSync(join(root, 'trap'), 0o755);
  for (const hook of ['pre-commit', 'post-index-change', 'reference-transaction', 'post-checkout']) {
    symlinkSync(join(root, 'trap'), join(workspace, '.git', 'hooks', hook));
  }
  const filter = `[filter "t"]\n\tclean = ${join(root, 'trap')}\n\tsmudge = ${join(root, 'trap')}\n\trequired = true\n`;
  writeFileSync(
    join(workspace, '.git', 'config'),
    `[core]\n\tautocrlf = true\n\tfsmonitor = ${join(root, 'trap')}\n${filter}`,
  );
  writeFileSync(join(workspace, '.gitattributes'), '* filter=t text eol=lf\n');
  const before = pictureOf(join(workspace, '.git'));

  const { client, sessionId } = await worked(home, 'write b.txt new\nrun printf "two\\r\\n" > a.txt');
  await client.call('snapshot/diff', {
    owner: { kind: 'session', sessionId },
    from: { kind: 'turn', turn: 1, phase: 'pre' },
  });
  await restore(client, sessionId, FIRST);
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\r\n');
  await restore(client, sessionId, { kind: 'undo' });
  await client.call('snapshot/export', { workspace, destination: join(root, 'out.git') });
  expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('two\r\n');
  expect(pictureOf(join(workspace, '.git'))).toEqual(before);
  expect(existsSync(join(root, 'SPRUNG'))).toBe(false);
  git('--git-dir', join(root, 'out.git'), 'fsck', '--strict');
});

test('neither a name nor a content nor a hash of it is anywhere on the disk, also after a crash in a command', async () => {
  const home = realHome({ environment: { TMPDIR: '' } });
  const temporary = join(home.root, 'temporary');
  mkdirSync(temporary);
  home.environment['TMPDIR'] = temporary;
  const contents = ['canary-content-41\n', 'canary-content-42\n', 'canary-content-43\n'];
  writeFileSync(join(home.workspace, 'canary-name-1'), contents[0] ?? '');
  const { client, sessionId, me } = await worked(
    home,
    'edit canary-name-1 canary-content-41 canary-content-42\nrun mkdir canary-name-2; echo canary-content-43 > canary-name-2/canary-name-3',
  );
  await restore(client, sessionId, FIRST);
  await restore(client, sessionId, { kind: 'undo' });
  await me.submit('run echo canary-content-42 > canary-name-4; sleep 300');
  await waitUntil('the command has begun', () => existsSync(join(home.workspace, 'canary-name-4')));
  home.signalDaemons('SIGKILL');
  await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);

  const hashes = contents.flatMap((text) => [
    createHash('sha1').update(text).digest(),
    createHash('sha1').update(`blob ${text.length}\0${text}`).digest(),
    createHash('sha256').update(text).digest(),
  ]);
  const needles = [
    Buffer.from('canary'),
    Buffer.from('canary', 'utf16le'),
    ...hashes,
    ...hashes.map((hash) => Buffer.from(hash.toString('hex'))),
  ];
  let bytes = 0;
  for (const directory of [home.dataDir, temporary, join(home.root, 'h')]) {
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      expect(name).not.toContain('canary');
      const path = join(directory, name);
      if (!lstatSync(path).isFile()) continue;
      const content = readFileSync(path);
      bytes += content.length;
      for (const needle of needles)
        expect(content.includes(needle), `${name} holds ${needle.toString('latin1')}`).toBe(false);
    }
  }
  expect(bytes).toBeGreaterThan(10_000);
});

test('whatever file of the store is damaged, a restore brings back the very bytes or touches nothing, and turns go on', async () => {
  const home = realHome();
  const { workspace } = home;
  for (let file = 0; file < 5; file += 1) writeFileSync(join(workspace, `f${file}`), `old ${file}\n`);
  const files = () =>
    Object.fromEntries(readdirSync(workspace).map((name) => [name, readFileSync(join(workspace, name), 'utf8')]));
  const old = files();
  const { sessionId } = await worked(home, 'run for f in f*; do echo "new $f" > "$f"; done\nrun rm f0; echo x > made');
  const now = files();
  await home.finish();
  const [side = ''] = readdirSync(join(home.dataDir, 'workspaces'));
  const directory = join(home.dataDir, 'workspaces', side);
  const outcomes: string[] = [];
  const stored = readdirSync(directory).filter((name) => lstatSync(join(directory, name)).isFile());
  for (const name of stored) {
    const whole = readFileSync(join(directory, name));
    const damaged = Buffer.from(whole);
    const at = Math.floor(whole.length / 2);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    writeFileSync(join(directory, name), damaged);
    const client = await home.client();
    try {
      await restore(client, sessionId, FIRST);
      expect(files(), name).toEqual(old);
      outcomes.push('restored');
      await restore(client, sessionId, { kind: 'undo' });
    } catch (error) {
      outcomes.push((error as { kind: string }).kind);
    }
    expect(files(), name).toEqual(now);
    const me = await Watcher.join(client, sessionId);
    await me.state(await me.submit('run true'), 'completed');
    await home.finish();
    writeFileSync(join(directory, name), whole);
  }
  expect(outcomes).toContain('restored');
  expect(outcomes).toContain('TAMPERED');
});
