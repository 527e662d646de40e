import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../../daemon/config/load.ts';
import { ConfigurationStore } from '../../../daemon/config/store.ts';
import { ProtocolError } from '../../../protocol/errors.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mcfg-'));
  path = join(directory, 'config.toml');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const MAKE_PIPE = 'mkfifo';
const SERVER = '# mine\n[providers.local]\nbase_url = "http://127.0.0.1:8080/v1"\n';

async function refusal(action: Promise<unknown>): Promise<ProtocolError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('loading', () => {
  test('a missing file gives the defaults without a problem', async () => {
    const loaded = await loadConfiguration(path);
    expect(loaded.problems).toEqual([]);
    expect(loaded.configuration.model).toBe('demo/offline');
    expect((await loadConfiguration(join(path, 'below', 'a.toml'))).problems).toEqual([]);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['a directory', () => mkdir(path), 'is not a file'],
    ['a pipe, without waiting for a writer', async () => execFileSync(MAKE_PIPE, [path]), 'is not a file'],
    ['a file over 1 MB', () => writeFile(path, `# ${'x'.repeat(1024 * 1024)}`), 'is larger than 1 MB'],
    ['bytes that are not UTF-8', () => writeFile(path, Buffer.from([0x61, 0xff, 0xfe])), 'is not UTF-8'],
    ['a file that everybody can write', () => writeFile(path, SERVER).then(() => chmod(path, 0o606)), 'chmod o-w'],
    ['a broken text', () => writeFile(path, 'model ='), ':1: is not TOML'],
  ])('%s gives the defaults and one problem that names the file', async (_, prepare, words) => {
    await prepare();
    const loaded = await loadConfiguration(path);
    expect(loaded.problems).toHaveLength(1);
    expect(loaded.problems[0]?.startsWith(path)).toBe(true);
    expect(loaded.problems[0]).toContain(words);
    expect(loaded.configuration.model).toBe('demo/offline');
  });

  test.skipIf(process.getuid?.() === 0)('a file without permission gives the defaults and one problem', async () => {
    await writeFile(path, SERVER, { mode: 0o000 });
    expect((await loadConfiguration(path)).problems[0]).toContain('cannot be read (EACCES)');
  });

  test('a link that leads nowhere counts as missing, a circle of links does not', async () => {
    await symlink(join(directory, 'gone'), path);
    expect((await loadConfiguration(path)).problems).toEqual([]);
    await rm(path);
    await symlink(path, path);
    expect((await loadConfiguration(path)).problems[0]).toContain('cannot be read (ELOOP)');
  });
});

describe('a change of the file', () => {
  test('is noticed, and only then is the file read', async () => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    expect(await store.reloadIfChanged()).toBe(false);
    await writeFile(path, `recovery = "ask"\n${SERVER}`);
    expect(await store.reloadIfChanged()).toBe(true);
    expect(store.current.recovery).toBe('ask');
    expect(await store.reloadIfChanged()).toBe(false);
  });

  test('is noticed even when size and time of change stay the same', async () => {
    const when = new Date('2026-01-01');
    await writeFile(path, 'recovery = "safe"\n');
    await utimes(path, when, when);
    const store = await ConfigurationStore.open(path);
    await writeFile(path, 'recovery = "ask" \n');
    await utimes(path, when, when);
    expect(await store.reloadIfChanged()).toBe(true);
    expect(store.current.recovery).toBe('ask');
  });

  test('to something with errors keeps the values from before and lists the errors', async () => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    await writeFile(path, 'model = x\n');
    await store.reloadIfChanged();
    expect(store.problems).toHaveLength(1);
    expect(store.usable).toBe(true);
    expect([...store.current.providers.keys()]).toEqual(['local']);
    await writeFile(path, 'model = "a/b"\n');
    await store.reloadIfChanged();
    expect(store.problems).toEqual([]);
    expect(store.current.model).toBe('a/b');
  });

  test('to nothing brings the defaults back', async () => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    await rm(path);
    expect(await store.reloadIfChanged()).toBe(true);
    expect(store.current.providers.size).toBe(0);
    expect(store.effective().set).toEqual([]);
  });

  test('that has never been without errors leaves the store unusable', async () => {
    await writeFile(path, 'model = x\n');
    const store = await ConfigurationStore.open(path);
    expect(store.usable).toBe(false);
    expect(store.current.model).toBe('demo/offline');
    await writeFile(path, '');
    await store.reload();
    expect(store.usable).toBe(true);
  });
});

describe('setting one key', () => {
  test('writes it, keeps the other lines and takes effect', async () => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    await store.set('model', 'local/qwen3');
    await store.set('providers.local.silence_timeout_seconds', '2.5');
    await store.set('providers.local.models', 'qwen3, "llama4"');
    expect(await readFile(path, 'utf8')).toBe(
      `model = "local/qwen3"\n\n${SERVER}silence_timeout_seconds = 2.5\nmodels = ["qwen3", "llama4"]\n`,
    );
    expect(store.current.model).toBe('local/qwen3');
    expect(store.current.providers.get('local')?.models).toEqual(['qwen3', 'llama4']);
    expect(await store.reloadIfChanged()).toBe(false);
  });

  test('makes the file and its directory for the owner alone', async () => {
    const deep = join(directory, 'a', 'b', 'config.toml');
    const store = await ConfigurationStore.open(deep);
    await store.set('recovery', 'never');
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'a', 'b'))).mode & 0o777).toBe(0o700);
    await chmod(deep, 0o644);
    await store.set('recovery', 'ask');
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'a', 'b'))).toEqual(['config.toml']);
  });

  test('writes through a symbolic link', async () => {
    const real = join(directory, 'real.toml');
    await writeFile(real, SERVER);
    await symlink(real, path);
    const store = await ConfigurationStore.open(path);
    await store.set('recovery', 'ask');
    expect(await readlink(path)).toBe(real);
    expect(await readFile(real, 'utf8')).toContain('recovery = "ask"');
  });

  test('keeps what an editor has written since it was read', async () => {
    const store = await ConfigurationStore.open(path);
    await writeFile(path, SERVER);
    await store.set('recovery', 'ask');
    expect(await readFile(path, 'utf8')).toContain('[providers.local]');
    expect(store.current.providers.size).toBe(1);
  });

  test('many times at once loses none', async () => {
    const store = await ConfigurationStore.open(path);
    const names = Array.from({ length: 20 }, (_, at) => `p${at}`);
    await Promise.all(names.map((name) => store.set(`providers.${name}.base_url`, `http://${name}/v1`)));
    expect([...store.current.providers.keys()]).toEqual(names);
  });

  test('turns snapshots off and on, and shows which it is', async () => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    await store.set('snapshots_enabled', 'false');
    await store.set('snapshots_max_files', '1000');
    expect(await readFile(path, 'utf8')).toContain('snapshots_enabled = false\n');
    expect(store.current.snapshots).toMatchObject({ enabled: false, encrypt: true, maxFiles: 1000 });
    expect(store.effective().values).toMatchObject({
      snapshots_enabled: 'false',
      snapshots_encrypt: 'true',
      snapshots_watch: 'auto',
      snapshots_max_file_megabytes: '10',
      snapshots_max_files: '1000',
      snapshots_max_megabytes: '2048',
      snapshots_max_age_days: '7',
      snapshots_max_stored_megabytes: '10240',
    });
    await store.set('snapshots_enabled', ' true ');
    expect(store.current.snapshots.enabled).toBe(true);
    await store.set('snapshots_enabled', null);
    expect(store.effective().set).not.toContain('snapshots_enabled');
    expect(store.current.snapshots.enabled).toBe(true);
  });

  test('adds a provider beginning with its address, and removes it as a whole', async () => {
    const store = await ConfigurationStore.open(path);
    await store.set('providers.a.base_url', 'http://a/v1');
    await store.set('providers.a.headers.X-Title', 'm');
    await store.set('providers.a.type', 'openai-compatible');
    expect(store.effective().set).toEqual(['providers.a.base_url', 'providers.a.headers.X-Title', 'providers.a.type']);
    expect(store.effective().values).toMatchObject({
      model: 'demo/offline',
      'providers.a.base_url': 'http://a/v1',
      'providers.a.headers.X-Title': 'm',
      'providers.a.connect_timeout_seconds': '10',
    });
    await store.set('providers.a', null);
    expect(await readFile(path, 'utf8')).not.toContain('a/v1');
    expect(store.current.providers.size).toBe(0);
  });

  test('adds a provider of a public server beginning with its type', async () => {
    const store = await ConfigurationStore.open(path);
    await store.set('providers.claude.type', 'anthropic');
    await store.set('providers.claude.reasoning', 'high');
    await store.set('providers.claude.max_output_tokens', '9000');
    expect(store.effective()).toMatchObject({
      values: {
        'providers.claude.base_url': 'https://api.anthropic.com/v1',
        'providers.claude.api_key_env': 'ANTHROPIC_API_KEY',
        'providers.claude.reasoning': 'high',
        'providers.claude.max_output_tokens': '9000',
      },
      set: ['providers.claude.type', 'providers.claude.reasoning', 'providers.claude.max_output_tokens'],
    });
  });

  test.each([
    ['modl', 'a/b', 'modl is not a setting', 'Did you mean model?'],
    ['', 'x', 'is not a setting', ''],
    ['nope', '1', 'nope is not a setting', 'Known here: '],
    ['providers.local.base_ulr', 'x', 'is not a setting', 'providers.local.base_url'],
    ['recovery', 'saef', 'recovery must be "safe", "ask" or "never"', 'Did you mean "safe"?'],
    ['idle_exit_minutes', 'ten', 'must be a number of minutes', 'Nothing has been written'],
    ['idle_exit_minutes', '-1', 'must be a number of minutes', 'Nothing has been written'],
    ['snapshots_enabled', 'no', 'snapshots_enabled must be true or false', 'Nothing has been written'],
    ['snapshots_max_file_megabytes', '0', 'must be a whole number of megabytes', ''],
    ['snapshots_max_age_days', '-1', 'must be a whole number of days between 0 (never)', ''],
    ['providers.local', 'x', 'must be a table', ''],
    ['providers.new.type', 'openai-compatible', 'providers.new.base_url is missing', 'Add it'],
    ['providers.local.base_url', 'not an address', 'must be an address', 'Nothing has been written'],
    ['providers.demo.base_url', 'http://x', 'belongs to the built-in demo model', 'another name'],
    ['providers.__proto__.base_url', 'http://x', '', ''],
    ['providers.local.base_url.x', 'y', 'is not a setting', ''],
    ['model', 'a/\ud800', 'must be text', ''],
  ])('refuses %s = %s and writes nothing', async (key, value, message, hint) => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    const error = await refusal(store.set(key, value));
    expect(error.kind).toBe('CONFIG_INVALID');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
    // There is nothing in the file yet that could be removed.
    expect(error.hint).not.toMatch(/^Remove/);
    expect(await readFile(path, 'utf8')).toBe(SERVER);
    expect(await readdir(directory)).toEqual(['config.toml']);
  });

  test.each([
    ['providers.local.api_key', 'hunter22'],
    ['providers.local.headers.Authorization', 'hunter22'],
    ['providers.local.api_key_env', 'sk-proj-AbCdEfGh0123456789'],
    ['api_key', 'hunter22'],
    ['model', 'sk-proj-AbCdEfGh0123456789'],
  ])('refuses a secret (%s), names the command that stores it, and does not repeat it', async (key, value) => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    const error = await refusal(store.set(key, value));
    expect(error.kind).toBe('CONFIG_INVALID');
    expect(error.hint).toMatch(/mctl config set-key (local|<provider>)$/);
    expect(error.message + error.hint).not.toContain(value);
    expect(await readFile(path, 'utf8')).toBe(SERVER);
  });

  test('refuses to remove what the rest needs', async () => {
    await writeFile(path, SERVER);
    const store = await ConfigurationStore.open(path);
    expect((await refusal(store.set('providers.local.base_url', null))).message).toContain('base_url is missing');
  });

  test('repairs a file one key at a time, but makes nothing worse', async () => {
    await writeFile(path, 'recovery = "saef"\nlog_level = "loud"\ncolour = "red"\n');
    const store = await ConfigurationStore.open(path);
    expect(store.usable).toBe(false);
    await store.set('recovery', 'safe');
    await refusal(store.set('idle_exit_minutes', '99999999'));
    await store.set('colour', null);
    expect(store.problems).toHaveLength(1);
    await store.set('log_level', 'warn');
    expect(store.problems).toEqual([]);
    expect(store.usable).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('recovery = "safe"\nlog_level = "warn"\n');
  });

  test('leaves a file that is not TOML alone', async () => {
    await writeFile(path, 'model = x\n');
    const store = await ConfigurationStore.open(path);
    const error = await refusal(store.set('recovery', 'ask'));
    expect(error.kind).toBe('CONFIG_INVALID');
    expect(error.message).toContain(`${path}:1:`);
    expect(error.hint).toContain('by hand');
  });

  test('that cannot be written says so and leaves nothing behind', async () => {
    const blocked = join(directory, 'file');
    await writeFile(blocked, 'x');
    const store = await ConfigurationStore.open(join(blocked, 'config.toml'));
    const error = await refusal(store.set('recovery', 'ask'));
    expect(error.kind).toBe('STORAGE_FAILED');
    expect(await readdir(directory)).toEqual(['file']);
    await refusal(store.set('recovery', 'ask'));
  });
});
