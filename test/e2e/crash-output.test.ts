/** What a daemon leaves behind when it dies of an error or of hunger: where it happened, and nothing of what it knew. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MHome, waitUntil } from '../support/m-home.ts';
import type { CrashOrder } from './support/preload-crash.ts';

const DAEMON = join(import.meta.dirname, '..', '..', 'dist', 'daemon.cjs');
const PRELOAD = pathToFileURL(join(import.meta.dirname, 'support', 'preload-crash.ts')).href;
const PASSPHRASE = 'passphrase-canary-7301';
const PROVIDER_KEY = 'sk-canary-of-a-provider-7302';
const PROMPT = 'canary-of-the-prompt-7303';
/** Enough for the daemon, and soon used up. */
const HEAP_MB = 64;
const CONFIG = `[providers.elsewhere]
type = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "ELSEWHERE_API_KEY"
`;

let home: MHome;
/** What the test itself writes down, secrets included. */
let aside: string;

beforeEach(() => {
  home = new MHome();
  aside = mkdtempSync(join(tmpdir(), 'mc'));
});

afterEach(async () => {
  await home.remove();
  rmSync(aside, { recursive: true, force: true });
});

async function startDaemon() {
  const { dataDirectory, environment } = home;
  const { PATH = '', HOME = '' } = environment;
  writeFileSync(join(dataDirectory, 'config.toml'), CONFIG, { mode: 0o600 });
  const flags = ['--import', PRELOAD, `--max-old-space-size=${HEAP_MB}`, DAEMON];
  const places = ['--data-dir', dataDirectory, '--config', join(dataDirectory, 'config.toml')];
  const child = spawn(process.execPath, [...flags, ...places, '--log-dir', join(dataDirectory, 'logs')], {
    cwd: dataDirectory,
    env: { PATH, HOME, M_TEST_CRASH: join(aside, 'order') },
    // As clients start it: what is said on stderr goes to crash.log.
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const said = text(child.stdout);
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  await waitUntil(
    () => existsSync(join(dataDirectory, 'run', 'd.sock')),
    () => 'the daemon did not start',
    15_000,
  );
  return { child, said, ended };
}

/** The forms in which a key could be written down. */
function formsOf(keyText: string): string[] {
  const letters = keyText.split('.')[2] ?? '';
  const raw = Buffer.from(letters, 'base64url');
  expect(raw).toHaveLength(32);
  return [letters, raw.toString('base64'), raw.toString('hex')];
}

function filesOf(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.map((name) => join(directory, name)).filter((path) => statSync(path).isFile());
}

const ENDS = [
  ['main', 'exception', 'passphrase'],
  ['main', 'rejection', 'keyfile'],
  ['main', 'heap', 'passphrase'],
  ['vault', 'exception', 'keyfile'],
  ['vault', 'rejection', 'passphrase'],
  ['vault', 'heap', 'keyfile'],
] as const;

test.each(ENDS)('the %s thread that ends by %s gives nothing away (%s)', async (thread, how, provider) => {
  const passphraseFile = join(aside, 'passphrase');
  writeFileSync(passphraseFile, PASSPHRASE, { mode: 0o600 });
  const environment = {
    M_KEY_PROVIDER: provider,
    M_PASSPHRASE_FILE: passphraseFile,
    ELSEWHERE_API_KEY: PROVIDER_KEY,
  };
  const { child, said, ended } = await startDaemon();
  expect(await home.run('m', ['run', `echo ${PROMPT}`], { environment })).toMatchObject({ code: 0 });
  const keyFile = join(home.dataDirectory, 'key');
  const keys = provider === 'keyfile' ? formsOf(readFileSync(keyFile, 'latin1')) : [];
  const base64 = [PASSPHRASE, PROVIDER_KEY].map((secret) => Buffer.from(secret).toString('base64'));
  const secrets = [PROMPT, PROVIDER_KEY, PASSPHRASE, ...base64, ...keys];
  writeFileSync(join(aside, 'order'), JSON.stringify({ thread, how, secrets } satisfies CrashOrder));
  child.kill('SIGUSR2');
  expect(await ended).toEqual(thread === 'main' && how === 'heap' ? [null, 'SIGABRT'] : [1, null]);

  const read = (name: string): string => readFileSync(join(home.dataDirectory, name), 'utf8');
  if (thread === 'vault') expect(read('logs/daemon.log')).toContain('vault thread ended');
  else expect(read('logs/crash.log')).toMatch(how === 'heap' ? /heap out of memory/ : /TypeError\n {4}at /);
  if (how !== 'heap') expect(read('run/starts.json')).toContain('"exception"');
  const files = filesOf(home.root).filter((path) => path !== keyFile);
  expect(files.filter((path) => /core|report|[.]heap/.test(path.slice(home.root.length)))).toEqual([]);
  const output = Buffer.from(await said);
  for (const secret of secrets) {
    expect(output.includes(secret)).toBe(false);
    expect(files.filter((path) => readFileSync(path).includes(secret))).toEqual([]);
  }
});
