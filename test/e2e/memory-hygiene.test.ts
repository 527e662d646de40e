import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Answer } from '../../daemon/vault/calls.ts';
import { heapOfProcess, heapOfWorker } from '../support/heap.ts';
import { Keyring, missingKeyringTools } from '../support/keyring.ts';
import { MHome, waitUntil } from '../support/m-home.ts';
import { occurrencesIn } from '../support/process-memory.ts';

const DIST = join(import.meta.dirname, '..', '..', 'dist');
const PASSPHRASE = 'correct-horse-canary';
const BASE64 = Buffer.from(PASSPHRASE).toString('base64');

let home: MHome;
let daemon: ChildProcess | undefined;

beforeEach(() => {
  home = new MHome();
});

afterEach(async () => {
  if (daemon?.exitCode === null && daemon.signalCode === null) {
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
  }
  daemon = undefined;
  await home.remove();
});

/** The built daemon, with a signal that makes it write its heap down. */
async function startWatched(environment: Record<string, string> = {}): Promise<ChildProcess> {
  const { dataDirectory } = home;
  const flags = ['--heapsnapshot-signal=SIGUSR2', join(DIST, 'daemon.cjs')];
  const places = ['--data-dir', dataDirectory, '--config', join(dataDirectory, 'config.toml')];
  const logs = ['--log-dir', join(dataDirectory, 'logs')];
  const { PATH = '', HOME = '' } = home.environment;
  const started = spawn(process.execPath, [...flags, ...places, ...logs], {
    cwd: dataDirectory,
    env: { PATH, HOME, ...environment },
    stdio: 'ignore',
  });
  daemon = started;
  await waitUntil(
    () => existsSync(join(dataDirectory, 'run', 'd.sock')),
    () => 'the daemon did not start',
    10_000,
  );
  return started;
}

function passphraseFile(): Record<string, string> {
  const path = join(home.root, 'passphrase');
  writeFileSync(path, PASSPHRASE, { mode: 0o600 });
  return { M_PASSPHRASE_FILE: path };
}

/** The forms in which a key file's key could be in a string. */
function formsOf(keyText: string): string[] {
  const letters = keyText.split('.')[2] ?? '';
  const raw = Buffer.from(letters, 'base64url');
  expect(raw).toHaveLength(32);
  return [letters, raw.toString('base64'), raw.toString('hex'), raw.toString('latin1')];
}

test('no passphrase is in the heap of the daemon after it was unlocked with one', async () => {
  home.environment['M_KEY_PROVIDER'] = 'passphrase';
  const { pid = 0 } = await startWatched();
  const environment = passphraseFile();
  expect((await home.run('m', ['run', 'echo created'], { environment })).code).toBe(0);
  expect((await home.run('mctl', ['keys', 'lock'])).code).toBe(0);
  expect((await home.run('mctl', ['keys', 'unlock'], { environment })).code).toBe(0);
  // Memory that was freed included; the message that brought it, in base64, is a string that nobody can overwrite.
  const found = occurrencesIn(pid, [home.dataDirectory, PASSPHRASE]);
  if (found !== undefined) expect(found).toEqual([expect.toSatisfy((times: number) => times > 0), 0]);
  expect((await home.run('m', ['run', 'echo used'], { environment })).code).toBe(0);
  const heap = await heapOfProcess(pid, home.dataDirectory);
  // What is there is found.
  expect(heap).toContain(home.dataDirectory);
  expect(heap).not.toContain(PASSPHRASE);
  expect(heap).not.toContain(BASE64);
  expect(heap).not.toContain(BASE64.slice(0, 16));
});

test('no key is in the heap of the daemon while it works with a key file', async () => {
  const { pid = 0 } = await startWatched();
  expect((await home.run('m', ['run', 'echo used'])).code).toBe(0);
  const heap = await heapOfProcess(pid, home.dataDirectory);
  expect(heap).toContain(home.dataDirectory);
  for (const form of formsOf(readFileSync(join(home.dataDirectory, 'key'), 'latin1'))) expect(heap).not.toContain(form);
});

test('neither is in the heap of the vault thread', async () => {
  const vault = new Worker(join(DIST, 'vault-worker.cjs'), { workerData: { dataDirectory: home.dataDirectory } });
  let lastId = 0;
  const call = async (method: string, ...args: unknown[]): Promise<{ key: { state: string } }> => {
    lastId += 1;
    vault.postMessage([lastId, method, args]);
    const [[, value, error]] = (await once(vault, 'message')) as [Answer];
    expect(error).toBeUndefined();
    return value as { key: { state: string } };
  };
  const bytes = new Uint8Array(Buffer.from(PASSPHRASE));
  expect((await call('open', { provider: 'keyfile' })).key.state).toBe('unlocked');
  const keyText = readFileSync(join(home.dataDirectory, 'key'), 'latin1');
  await call('moveKey', 'passphrase', {}, bytes);
  await call('lock');
  expect((await call('unlock', {}, bytes)).key.state).toBe('unlocked');
  await call('addHistory', 'a line', null);
  const heap = await heapOfWorker(vault);
  expect(heap).toContain(home.dataDirectory);
  for (const form of [PASSPHRASE, BASE64, ...formsOf(keyText)]) expect(heap).not.toContain(form);
  await call('close');
  await vault.terminate();
});

test('nothing of a secret is on a command line or in the environment of the daemon and what it starts', async (context) => {
  const missing = missingKeyringTools();
  if (missing.length > 0) context.skip(`not installed: ${missing.join(', ')}`);
  const keyring = new Keyring();
  await keyring.start();
  try {
    home.environment['M_KEY_PROVIDER'] = '';
    const environment = {
      ...keyring.environment,
      ...passphraseFile(),
      SOME_API_KEY: 'canary-of-the-shell',
      // Whoever diagnoses his own programs gets no dump of this one.
      NODE_OPTIONS: '--report-on-fatalerror --report-uncaught-exception --heapsnapshot-near-heap-limit=1',
      LC_SECRET: 'harmless',
    };
    expect((await home.run('m', ['run', 'echo canary-of-the-prompt'], { environment })).code).toBe(0);
    expect((await home.run('mctl', ['keys', 'lock'], { environment })).code).toBe(0);
    const pid = home.daemonPid() ?? 0;
    const keys = keyring.items().flatMap(({ secret }) => [secret, ...formsOf(secret)]);
    expect(keys.length).toBeGreaterThan(0);
    keyring.signal('SIGSTOP');
    const unlocking = home.run('mctl', ['keys', 'unlock'], { environment });
    let helper: number | undefined;
    await waitUntil(
      () =>
        (helper = childrenOf(pid).find((child) => read(child, 'cmdline').includes('keychain-helper'))) !== undefined,
      () => 'the daemon never asked the keychain',
      10_000,
    );
    for (const process of [pid, helper ?? 0]) {
      const told = `${read(process, 'cmdline')}\0${read(process, 'environ')}`;
      expect(told).toContain('PATH=');
      for (const secret of ['canary', PASSPHRASE, 'M_PASSPHRASE_FILE', 'SOME_API_KEY', 'NODE_OPTIONS', ...keys]) {
        expect(told).not.toContain(secret);
      }
      expect(read(process, 'coredump_filter').trim()).toBe('00000000');
      expect(read(process, 'limits')).toMatch(/^Max core file size +0 +0 /m);
    }
    keyring.signal('SIGCONT');
    await unlocking;
  } finally {
    await keyring.remove();
  }
});

test('a daemon that is aborted leaves no memory behind, in a core dump or in crash.log', async (context) => {
  const pattern = existsSync('/proc/sys/kernel/core_pattern')
    ? readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim()
    : '|';
  if (pattern.includes('|') || pattern.includes('/')) context.skip(`core dumps go elsewhere here: ${pattern}`);
  const control = join(home.root, 'control');
  mkdirSync(control);
  const abort = `const kept = Buffer.from('canary-in' + '-a-core'); setImmediate(() => { process.abort(); kept.at(0); });`;
  spawnSync('/bin/sh', ['-c', 'ulimit -c unlimited; exec "$@"', 'x', process.execPath, '-e', abort], { cwd: control });
  const [core] = readdirSync(control);
  if (core === undefined) context.skip('no process makes a core dump here');
  expect(readFileSync(join(control, core ?? '')).includes('canary-in-a-core')).toBe(true);

  home.environment['M_KEY_PROVIDER'] = 'passphrase';
  const environment = { ...home.environment, ...passphraseFile() };
  const start = [
    '-c',
    'ulimit -c unlimited; exec "$@"',
    'x',
    ...home.command('m', ['run', 'echo canary-of-the-prompt']),
  ];
  const { status } = spawnSync('/bin/sh', start, { cwd: home.workspace, env: environment });
  expect(status).toBe(0);
  const pid = home.daemonPid() ?? 0;
  process.kill(pid, 'SIGABRT');
  await waitUntil(
    () => !existsSync(`/proc/${pid}/mem`) || read(pid, 'cmdline') === '',
    () => 'the daemon survived an abort',
    30_000,
  );
  const left = readdirSync(home.root, { recursive: true, encoding: 'utf8' });
  expect(left.filter((name) => /^core|[/]core/.test(name) && !name.startsWith('control'))).toEqual([]);
  for (const name of readdirSync(join(home.dataDirectory, 'logs'))) {
    const content = readFileSync(join(home.dataDirectory, 'logs', name));
    for (const secret of [PASSPHRASE, BASE64, 'canary-of-the-prompt']) expect(content.includes(secret)).toBe(false);
  }
});

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && Number(read(pid, 'stat').split(') ')[1]?.split(' ')[1]) === parent);
}

/** Empty for a process that is gone. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
