import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Built } from '../client/connection/support/built-copy.ts';
import { Keyring, missingKeyringTools } from '../support/keyring.ts';
import { MHome } from '../support/m-home.ts';

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'note' | 'broken';
  readonly message: string;
  readonly fix: string;
}

let home: MHome;

beforeEach(() => {
  home = new MHome();
});

afterEach(async () => {
  const pid = home.daemonPid();
  // One that was stopped does not die of anything else before it goes on.
  if (pid !== undefined) tryKill(pid, 'SIGCONT');
  await home.remove();
});

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone, as it should be.
  }
}

/** What doctor finds; its exit code has to say whether anything is broken. */
async function doctor(environment: Record<string, string> = {}): Promise<Finding[]> {
  const { code, out } = await home.run('mctl', ['doctor', '--json'], { environment });
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Finding[] };
  expect({ code, ok }).toEqual(ok ? { code: 0, ok } : { code: 1, ok });
  expect(ok).toBe(findings.every(({ state }) => state !== 'broken'));
  return findings;
}

async function expectBroken(check: string, message: RegExp, fix: RegExp, environment = {}): Promise<void> {
  const findings = await doctor(environment);
  const broken = findings.filter(({ state }) => state === 'broken');
  expect(broken).toContainEqual({
    check,
    state: 'broken',
    message: expect.stringMatching(message),
    fix: expect.stringMatching(fix),
  });
  for (const finding of broken) expect(finding.fix).not.toBe('');
}

test('nothing is broken before the first use, and nothing comes of looking', async () => {
  expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  expect(existsSync(join(home.dataDirectory, 'run'))).toBe(false);
  await home.run('mctl', ['daemon', 'status']);
  expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  expect(home.daemonPid()).toBeUndefined();
});

test('a running daemon is well, and looking at the key of a new store makes none', async () => {
  const { M_KEY_PROVIDER: _chosen, ...environment } = home.environment;
  home.environment['M_KEY_PROVIDER'] = 'passphrase';
  await home.run('mctl', ['daemon', 'start']);
  const findings = await doctor(environment);
  expect(findings.filter(({ state }) => state === 'broken')).toEqual([]);
  expect(findings).toContainEqual(expect.objectContaining({ check: 'key', state: 'note' }));
  expect(existsSync(join(home.dataDirectory, 'key'))).toBe(false);
});

test('what nobody has looked at is not said to be in order', async () => {
  await home.run('mctl', ['sessions', 'list']);
  writeFileSync(join(home.dataDirectory, 'config.toml'), 'modle = "demo/offline"\n', { mode: 0o600 });
  await home.run('mctl', ['daemon', 'stop']);
  const { M_KEY_PROVIDER: _chosen, ...environment } = home.environment;
  home.environment['M_KEY_PROVIDER'] = '';
  const last = async (): Promise<string | undefined> =>
    (await home.run('mctl', ['doctor'], { environment })).out.trimEnd().split('\n').at(-1);
  expect(await last()).toBe(
    'nothing is broken in what was looked at; not looked at: key, configuration; `mctl daemon start` and look again',
  );
  writeFileSync(join(home.dataDirectory, 'key'), 'garbage', { mode: 0o600 });
  expect(await last()).toMatch(/^something is broken; .*; not looked at: key, configuration;/);
});

test('a configuration that is broken and mended while the daemon runs is found and forgotten', async () => {
  await home.run('mctl', ['daemon', 'start']);
  const file = join(home.dataDirectory, 'config.toml');
  writeFileSync(file, 'modle = "demo/offline"\n', { mode: 0o600 });
  await expectBroken('configuration', /config\.toml:1: modle is not a setting/, /Correct that line/);
  writeFileSync(file, 'model = "demo/offline"\n', { mode: 0o600 });
  expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
});

describe('a daemon that', () => {
  test('was killed leaves a socket that nothing has to be done about', async () => {
    await home.run('m', ['run', 'hello']);
    await home.killDaemon();
    expect(await doctor()).toContainEqual({
      check: 'socket',
      state: 'note',
      message: expect.stringContaining('is left over from a daemon that is gone'),
      fix: '',
    });
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(0);
  });

  test('hangs is named, and the fix mends it', async () => {
    await home.run('m', ['run', 'hello']);
    process.kill(home.daemonPid() ?? 0, 'SIGSTOP');
    await expectBroken('daemon', /accepts connections but does not answer/, /mctl daemon restart --force/);
    expect((await home.run('mctl', ['daemon', 'restart', '--force'])).code).toBe(0);
    expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  });

  test('hangs without its socket is found by its lock, and the fix mends it', async () => {
    await home.run('m', ['run', 'hello']);
    const pid = home.daemonPid() ?? 0;
    process.kill(pid, 'SIGSTOP');
    rmSync(join(home.dataDirectory, 'run', 'd.sock'));
    await expectBroken('lock', new RegExp(`the daemon, process ${pid}, holds the data directory`), /restart --force/);
    expect((await home.run('mctl', ['daemon', 'restart', '--force'])).code).toBe(0);
    expect(home.daemonPid()).not.toBe(pid);
    expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  });

  test('loses its socket puts it back, and doctor finds nothing to mend', async () => {
    await home.run('m', ['run', 'hello']);
    const socket = join(home.dataDirectory, 'run', 'd.sock');
    rmSync(socket);
    await expect.poll(() => existsSync(socket)).toBe(true);
    expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  });

  test('crashes again and again is not started any more, and why is said', async () => {
    await home.run('m', ['run', 'hello']);
    await home.killDaemon();
    const crash = { at: Date.now(), pid: 1, outcome: 'exception', errorClass: 'TypeError' };
    const record = join(home.dataDirectory, 'run', 'starts.json');
    writeFileSync(record, JSON.stringify({ starts: [crash, crash, crash] }));
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(69);
    const message = /the last start failed: the daemon has crashed 3 times within a minute \(TypeError\)/;
    await expectBroken('daemon', message, /crash\.log/);
    rmSync(record);
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(0);
    expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  });

  test('is of another build is mentioned, and goes on', async () => {
    const older = new Built();
    older.rebuild('feedfacefeedface', -3_600_000);
    await older.start();
    const pid = older.daemon();
    const { M_DATA_DIR = '' } = older.place.environment;
    expect(await doctor({ M_DATA_DIR })).toContainEqual({
      check: 'build',
      state: 'note',
      message: expect.stringContaining('the daemon is build feedfacefeedface'),
      fix: expect.stringContaining('mctl daemon restart'),
    });
    expect(older.daemon()).toBe(pid);
  });
});

describe('the key', () => {
  test('file that is gone or open to others is named, and the store opens when it is mended', async () => {
    await home.run('m', ['run', 'hello']);
    const file = join(home.dataDirectory, 'key');
    renameSync(file, `${file}.away`);
    await home.killDaemon();
    await home.run('mctl', ['daemon', 'start']);
    await expectBroken('key', /key is gone/, /Restore it/);
    await expectBroken('key file', /key is missing/, /from a copy/);
    renameSync(`${file}.away`, file);
    chmodSync(file, 0o644);
    await expectBroken('key file', /others can read/, /chmod 600/);
    await expectBroken('key', /can be read by others/, /Restore|chmod 600/);
    chmodSync(file, 0o600);
    expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  });

  test('that another keeper is wanted for is named', async () => {
    await home.run('m', ['run', 'hello']);
    await expectBroken('key', /kept by another keeper \(keyfile\)/, /Unset M_KEY_PROVIDER/, {
      M_KEY_PROVIDER: 'keychain',
    });
  });

  test('behind a passphrase is locked after a restart, and the fix opens it', async () => {
    home.environment['M_KEY_PROVIDER'] = 'passphrase';
    const path = join(home.root, 'passphrase');
    writeFileSync(path, 'correct horse', { mode: 0o600 });
    const environment = { M_PASSPHRASE_FILE: path };
    await home.run('m', ['run', 'hello'], { environment });
    await home.killDaemon();
    await home.run('mctl', ['daemon', 'start']);
    await expectBroken('key', /locked with a passphrase/, /mctl keys unlock/);
    expect((await home.run('mctl', ['keys', 'unlock'], { environment })).code).toBe(0);
    expect((await doctor()).filter(({ state }) => state === 'broken')).toEqual([]);
  });

  test('in a keychain that is locked, or holds it no more, is named', async (context) => {
    const missing = missingKeyringTools();
    if (missing.length > 0) context.skip(`not installed: ${missing.join(', ')}`);
    home.environment['M_KEY_PROVIDER'] = '';
    const keyring = new Keyring();
    try {
      await keyring.start();
      await home.run('m', ['run', 'hello'], { environment: keyring.environment });
      await home.killDaemon();
      await keyring.start({ password: 'another' });
      await home.run('mctl', ['daemon', 'start'], { environment: keyring.environment });
      await expectBroken('key', /the keychain is locked/, /Unlock it/, keyring.environment);
      await keyring.start();
      keyring.secretTool(['clear', 'service', 'm']);
      await expectBroken('key', /the keychain has no key for this store/, /Restore the item/, keyring.environment);
    } finally {
      await keyring.remove();
    }
  });
});

test('errors in the log are shown', async () => {
  await home.run('m', ['run', 'hello']);
  await home.killDaemon();
  const log = join(home.dataDirectory, 'logs', 'daemon.log');
  const line = JSON.stringify({ level: 50, time: Date.now(), pid: 1, msg: 'self check failed' });
  writeFileSync(log, `${readFileSync(log, 'utf8')}${line}\n`);
  const findings = await doctor();
  expect(findings).toContainEqual(
    expect.objectContaining({ check: 'log', message: expect.stringMatching(/^1 error in/) }),
  );
  expect(findings).toContainEqual(
    expect.objectContaining({ check: 'log', message: expect.stringContaining('self check failed') }),
  );
});

test('a Node that is too old is refused before anything else, in words', async () => {
  const older = join(home.root, 'older.cjs');
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
  writeFileSync(older, versions);
  for (const program of ['m', 'mctl'] as const) {
    const environment = { NODE_OPTIONS: `--require ${older}` };
    const { code, err, out } = await home.run(program, ['doctor'], { environment });
    expect({ code, out }).toEqual({ code: 69, out: '' });
    expect(err).toMatch(/: Node 22\.19 or newer is needed; this is 20\.20\.2 \(.*\)\.\n {2}Install a current one/);
  }
});
