import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../../../client/mctl/main.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

const PASSPHRASE = 'correct horse';

let daemon: FakeDaemon;
let directory: string;

beforeEach(() => {
  daemon = new FakeDaemon();
  directory = mkdtempSync(join(tmpdir(), 'mk'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function file(content: string): string {
  const path = join(directory, 'passphrase');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

async function keys(
  argv: string[],
  options: { input?: string; isTTY?: boolean; environment?: NodeJS.ProcessEnv } = {},
) {
  const environment = { M_DATA_DIR: directory, NO_COLOR: '1', ...options.environment };
  const fake = fakeSurroundings(daemon, { input: '', ...options, environment });
  const code = await main(['keys', ...argv], fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text };
}

function called(method: string): unknown[] {
  return daemon.calls.filter((call) => call.method === method).map(({ params }) => params);
}

describe('keys unlock', () => {
  test('asks for the passphrase and says where the key is', async () => {
    daemon.lock.lockBy(PASSPHRASE);
    const { code, out, err } = await keys(['unlock'], { isTTY: true, input: `${PASSPHRASE}\r` });
    expect(code).toBe(0);
    expect(out).toBe('the store is unlocked\nstate     unlocked\nprovider  passphrase (behind a passphrase)\n');
    expect(out + err).not.toContain('horse');
  });

  test('takes the passphrase of a file, and prints the status as JSON', async () => {
    daemon.lock.lockBy(PASSPHRASE);
    const environment = { M_PASSPHRASE_FILE: file(PASSPHRASE) };
    const { code, out } = await keys(['unlock', '--json'], { environment });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'unlocked', provider: 'passphrase' });
  });

  test('ends with 4 when nobody can be asked or the passphrase is wrong', async () => {
    daemon.lock.lockBy(PASSPHRASE);
    expect(await keys(['unlock'])).toMatchObject({ code: 4, err: expect.stringContaining('locked with a passphrase') });
    expect(await keys(['unlock'], { isTTY: true, input: 'a\rb\rc\r' })).toMatchObject({ code: 4 });
    const { code, out } = await keys(['unlock', '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({ type: 'error', kind: 'KEY_LOCKED' });
  });

  test('tries a locked keychain again', async () => {
    daemon.lock.status = {
      ...daemon.lock.status,
      state: 'locked',
      provider: 'keychain',
      reason: 'the keychain is locked',
    };
    daemon.lock.isKeychainOpen = false;
    expect(await keys(['unlock'])).toMatchObject({ code: 4, err: expect.stringContaining('the keychain is locked') });
    daemon.lock.isKeychainOpen = true;
    expect(await keys(['unlock'])).toMatchObject({ code: 0 });
    expect(called('key/unlock')).toEqual([{}, {}]);
  });

  test('creates no store', async () => {
    daemon.lock.beNew(['keyfile', 'passphrase']);
    expect(await keys(['unlock'], { isTTY: true, input: '1\n' })).toMatchObject({ code: 4 });
    expect(called('key/unlock')).toEqual([]);
  });

  test('has nothing to do for a store that is unlocked', async () => {
    expect((await keys(['unlock'])).out).toMatch(/^the store was unlocked already\n/);
    expect(called('key/unlock')).toEqual([]);
  });

  test('does not say of a store that its own look has opened that it was open', async () => {
    const client = daemon.connect();
    Object.defineProperty(daemon, 'connect', {
      value: () => Object.defineProperty(client, 'daemon', { value: { ...client.daemon, key: 'locked' } }),
    });
    expect((await keys(['unlock'])).out).toMatch(/^the store is unlocked\n/);
  });
});

describe('keys lock', () => {
  test('puts the key away and says how it comes back', async () => {
    daemon.lock.status = { ...daemon.lock.status, provider: 'keychain' };
    const { code, out } = await keys(['lock']);
    expect(code).toBe(0);
    expect(out).toMatch(/^the store is locked; `mctl keys unlock` opens it again/);
    expect((await keys(['lock'])).out).toMatch(/^the store was locked already/);
    expect(called('key/lock')).toHaveLength(1);
    const { code: locked, out: json } = await keys(['status', '--json']);
    expect(locked).toBe(4);
    expect(JSON.parse(json)).toMatchObject({ state: 'locked' });
  });
});

describe('keys move', () => {
  test('to a key file says what that means, and does nothing without a yes', async () => {
    daemon.lock.status = { ...daemon.lock.status, provider: 'keychain', keyFile: null };
    const refused = await keys(['move', 'keyfile'], { isTTY: true, input: 'n\n' });
    expect(refused.code).toBe(130);
    expect(refused.err).toMatch(/whoever copies the data\ndirectory[^]*can read everything/);
    expect(refused.err).toContain('copies of the store from before the\nmove can then no longer be read');
    expect(called('key/move')).toEqual([]);
    const moved = await keys(['move', 'keyfile'], { isTTY: true, input: 'y\n' });
    expect(moved).toMatchObject({ code: 0, out: 'the key is now in a key file: /data/key\n' });
    expect(called('key/move')).toEqual([{ to: 'keyfile' }]);
  });

  test('needs --yes where nobody can be asked', async () => {
    expect(await keys(['move', 'keychain'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    const { code, out } = await keys(['move', 'keychain', '--yes', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'unlocked', provider: 'keychain' });
  });

  test('to a passphrase asks for it twice, after the question', async () => {
    const { code, err } = await keys(['move', 'passphrase'], {
      isTTY: true,
      input: `y\n${PASSPHRASE}\r${PASSPHRASE}\r`,
    });
    expect(code).toBe(0);
    expect(err).toMatch(/cannot be recovered[^]*\[y\/N\] [^]*new passphrase: \nonce more: /);
    expect(daemon.lock.passphrase).toBe(PASSPHRASE);
  });

  test('to another passphrase opens the store with the present one first', async () => {
    daemon.lock.lockBy('present horse');
    const input = `present horse\ry\n${PASSPHRASE}\r${PASSPHRASE}\r`;
    expect(await keys(['move', 'passphrase'], { isTTY: true, input })).toMatchObject({ code: 0 });
    expect(daemon.lock.passphrase).toBe(PASSPHRASE);
  });

  test('takes a new passphrase from a file; M_PASSPHRASE_FILE holds the new one only when there is no present one', async () => {
    expect(await keys(['move', 'passphrase', '--yes', '--file', file(PASSPHRASE)])).toMatchObject({ code: 0 });
    expect(daemon.lock.passphrase).toBe(PASSPHRASE);
    daemon.lock.status = { ...daemon.lock.status, provider: 'keychain' };
    const environment = { M_PASSPHRASE_FILE: file('another horse') };
    expect(await keys(['move', 'passphrase', '--yes'], { environment })).toMatchObject({ code: 0 });
    expect(daemon.lock.passphrase).toBe('another horse');
    const { code, err } = await keys(['move', 'passphrase', '--yes'], { environment });
    expect(code).toBe(4);
    expect(err).toContain('mctl keys move passphrase --file FILE');
  });

  test('says that M_KEY_PROVIDER is in its way', async () => {
    const environment = { M_KEY_PROVIDER: 'keyfile' };
    const { err } = await keys(['move', 'keychain', '--yes'], { environment });
    expect(err).toContain('M_KEY_PROVIDER is keyfile in this shell; unset it, or set it to keychain');
  });

  test('says what was left behind', async () => {
    daemon.overrides['key/move'] = () => ({
      ...daemon.lock.status,
      provider: 'keychain',
      keyFile: null,
      reason: 'the key was moved, but the key file /data/key could not be removed (EROFS)',
      hint: 'It opens nothing any more. Remove it yourself.',
    });
    const { code, err } = await keys(['move', 'keychain', '--yes']);
    expect(code).toBe(0);
    expect(err).toContain('mctl: the key was moved, but the key file /data/key could not be removed (EROFS)\n');
  });

  test.each([
    [['move'], 2],
    [['move', 'pocket'], 2],
    [['move', 'keychain', '--file', 'x', '--yes'], 2],
    [['move', 'keyfile', '--yes'], 5],
  ])('keys %j ends with %i', async (argv, code) => {
    expect((await keys(argv)).code).toBe(code);
    expect(called('key/move')).toEqual([]);
  });
});

test.each([
  ['sessions', 'list'],
  ['sessions', 'verify'],
])('mctl %s %s asks for the passphrase when the store is locked', async (...argv) => {
  daemon.lock.lockBy(PASSPHRASE);
  const fake = fakeSurroundings(daemon, { isTTY: true, input: `${PASSPHRASE}\r`, environment: { NO_COLOR: '1' } });
  expect(await main(argv, fake.around)).toBe(0);
  const refused = fakeSurroundings(daemon, { input: '' });
  daemon.lock.close();
  expect(await main(argv, refused.around)).toBe(4);
});
