import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Keyring, missingKeyringTools } from '../support/keyring.ts';
import { MHome, waitUntil, type Finished } from '../support/m-home.ts';

/** Nothing may take longer: the deadline of each of three calls, and two starts. */
const LONGEST_MS = 15_000;
const KEY_TEXT = /^v1\.[0-9a-f]{8}\.[\w-]{43}\.[0-9a-f]{8}$/;

const missing = missingKeyringTools();

let home: MHome;
let keyring: Keyring;
let kernelKeys: string[];

beforeEach((context) => {
  if (missing.length > 0) context.skip(`not installed: ${missing.join(', ')}`);
  home = new MHome();
  home.environment['M_KEY_PROVIDER'] = '';
  keyring = new Keyring();
  kernelKeys = readKernelKeys();
});

afterEach(async () => {
  if (missing.length > 0) return;
  await home.remove();
  await keyring.remove();
  expect(readKernelKeys()).toEqual(kernelKeys);
});

/** Keys in the keyrings of the kernel that this process can see, which no library may fall back to. */
function readKernelKeys(): string[] {
  if (!existsSync('/proc/keys')) return [];
  const lines = readFileSync('/proc/keys', 'utf8').split('\n');
  return lines
    .map((line) => line.split(/\s+/))
    .flatMap(([id = '', , , , , , , type = '']) => (type === 'user' ? [id] : []));
}

/** Runs a program against the keyring as it is now, and checks that nobody waits beyond the deadline. */
async function run(program: 'm' | 'mctl', args: readonly string[]): Promise<Finished> {
  const started = performance.now();
  const finished = await home.run(program, args, { environment: keyring.environment });
  expect(performance.now() - started).toBeLessThan(LONGEST_MS);
  return finished;
}

/** What the daemon says of the key; it looks, and makes none. */
async function status(): Promise<Record<string, unknown>> {
  return JSON.parse((await run('mctl', ['keys', 'status', '--json'])).out) as Record<string, unknown>;
}

/** The failure of a command that needs the store. */
async function failure(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const { code, out } = await run('m', [...args, 'run', '--json', 'hello']);
  expect(code).toBe(4);
  return JSON.parse(out) as Record<string, unknown>;
}

/** A store with a session in it, whose key is in the keyring; its daemon is gone. */
async function createStore(): Promise<void> {
  await keyring.start();
  expect(await run('m', ['run', 'echo kept'])).toMatchObject({ code: 0 });
  expect(await status()).toMatchObject({ state: 'unlocked', provider: 'keychain' });
  await home.killDaemon();
}

function storeId(): string {
  const db = new Database(join(home.dataDirectory, 'store', 'm.db'), { readonly: true });
  const id = db.prepare<[], string>("SELECT value FROM meta WHERE name = 'store_id'").pluck().get() ?? '';
  db.close();
  return id;
}

async function expectAllIsThere(): Promise<void> {
  expect((await run('mctl', ['keys', 'unlock'])).code).toBe(0);
  const { out } = await run('mctl', ['sessions', 'list', '--json']);
  expect(JSON.parse(out)).toMatchObject([{ title: 'echo kept', messages: 2 }]);
}

function expectNoKeyWasMade(): void {
  expect(readdirSync(home.dataDirectory)).not.toContain('key');
}

describe('first use', () => {
  test('makes one key for twenty at once, and one item', async () => {
    await keyring.start();
    const all = await Promise.all(Array.from({ length: 20 }, async () => run('mctl', ['keys', 'status', '--json'])));
    // Whoever only looks makes none.
    for (const { out } of all) expect(JSON.parse(out)).toMatchObject({ state: 'none' });
    expect(keyring.items()).toEqual([]);
    const used = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        home.run('m', ['run', `echo number ${index}`], { environment: keyring.environment }),
      ),
    );
    for (const { code, err } of used) expect({ code, err }).toEqual({ code: 0, err: '' });
    await home.killDaemon();
    const items = keyring.items();
    expect(items).toHaveLength(1);
    expect(items[0]?.account).toBe(`root:${storeId()}`);
    expect(items[0]?.secret).toMatch(KEY_TEXT);
    expectNoKeyWasMade();
    const { out } = await run('mctl', ['sessions', 'list', '--json']);
    expect(JSON.parse(out)).toHaveLength(20);
  }, 60_000);

  test('with a message bus on which nothing is a keychain is refused, and allowed a key file on demand', async () => {
    await keyring.start({ service: 'none' });
    expect(await failure()).toMatchObject({
      kind: 'KEY_UNAVAILABLE',
      message: 'no keychain can be reached: no program provides one on the message bus',
      hint: expect.stringContaining('M_KEY_PROVIDER=keyfile'),
    });
    expectNoKeyWasMade();
    expect((await run('m', ['--allow-keyfile', 'run', 'hello'])).code).toBe(0);
    expect(await status()).toMatchObject({ provider: 'keyfile' });
  });

  test('with a dead socket for a bus, or none at all, is refused', async () => {
    keyring.environment = { DBUS_SESSION_BUS_ADDRESS: `unix:path=${home.root}/nothing` };
    expect(await failure()).toMatchObject({ message: 'no keychain can be reached: there is no message bus' });
    keyring.environment = {};
    expect(await failure()).toMatchObject({ message: 'no keychain can be reached: there is no message bus' });
    expectNoKeyWasMade();
  });

  test('with a keychain that has no collection is refused: its “absent” proves nothing', async () => {
    await keyring.start({ service: 'asleep' });
    expect(await failure()).toMatchObject({
      kind: 'KEY_UNAVAILABLE',
      message: 'no keychain can be reached: it has no default collection',
    });
    expectNoKeyWasMade();
    expect((await run('m', ['--allow-keyfile', 'run', 'hello'])).code).toBe(0);
    expect(await status()).toMatchObject({ provider: 'keyfile' });
  });

  test('with a locked keychain makes no key, not even a key file that is allowed', async () => {
    await keyring.start({ password: 'first' });
    keyring.secretTool(['store', '--label=other', 'some', 'other'], 'item');
    await keyring.start({ password: 'second' });
    expect(await failure(['--allow-keyfile'])).toMatchObject({
      kind: 'KEY_UNAVAILABLE',
      message: 'the keychain is locked',
      hint: expect.stringContaining('M_KEY_PROVIDER=passphrase'),
    });
    expectNoKeyWasMade();
    await keyring.start({ password: 'first' });
    expect((await run('m', ['run', 'hello'])).code).toBe(0);
    expect(keyring.items()).toHaveLength(1);
  });

  test('with a frozen keychain makes no key, not even a key file that is allowed', async () => {
    await keyring.start();
    keyring.signal('SIGSTOP');
    expect(await failure(['--allow-keyfile'])).toMatchObject({
      kind: 'KEY_UNAVAILABLE',
      message: expect.stringContaining('the keychain did not answer'),
    });
    expectNoKeyWasMade();
    keyring.signal('SIGCONT');
    expect((await run('m', ['run', 'hello'])).code).toBe(0);
    expect(keyring.items()).toHaveLength(1);
  });

  test('replaces nothing that is in the place of the key', async () => {
    await keyring.start();
    expect(await status()).toMatchObject({ state: 'none' });
    await home.killDaemon();
    const account = `root:${storeId()}`;
    keyring.secretTool(['store', '--label=mine', 'service', 'm', 'username', account], 'something of mine');
    expect(await failure(['--allow-keyfile'])).toMatchObject({
      kind: 'KEY_UNAVAILABLE',
      message: 'the key cannot be used: it is not a key of this program',
    });
    expectNoKeyWasMade();
    expect(keyring.items()).toEqual([{ account, secret: 'something of mine' }]);
  });
});

describe('a store whose keychain', () => {
  beforeEach(async () => {
    await createStore();
  });

  test('is locked says so, and opens when it is unlocked and tried again', async () => {
    await keyring.start({ password: 'another' });
    expect(await status()).toMatchObject({ state: 'locked', provider: 'keychain', reason: 'the keychain is locked' });
    expect(await failure()).toMatchObject({ kind: 'KEY_LOCKED', hint: expect.stringContaining('mctl keys unlock') });
    expect((await run('mctl', ['keys', 'unlock'])).code).toBe(4);
    await keyring.start();
    await expectAllIsThere();
  });

  test.each([
    ['is gone with its bus', 'gone', 'no keychain can be reached: there is no message bus'],
    ['is not on the bus', 'none', 'no keychain can be reached: no program provides one on the message bus'],
    ['has no collection', 'asleep', 'the keychain has no key for this store'],
  ] as const)('%s is refused, and opens when it is back', async (_what, service, reason) => {
    if (service === 'gone') await keyring.stop();
    else if (service === 'none') await keyring.start({ service });
    else {
      const another = new Keyring();
      try {
        await another.start({ service });
        keyring.environment = another.environment;
        expect(await status()).toMatchObject({ state: 'denied', reason });
      } finally {
        await another.remove();
      }
    }
    if (service !== 'asleep') expect(await status()).toMatchObject({ state: 'denied', provider: 'keychain', reason });
    expect(await failure()).toMatchObject({ kind: 'KEY_DENIED' });
    expectNoKeyWasMade();
    await keyring.start();
    await expectAllIsThere();
  });

  test('is frozen is refused within the deadline, and opens when it goes on', async () => {
    keyring.signal('SIGSTOP');
    const started = performance.now();
    expect(await status()).toMatchObject({
      state: 'denied',
      reason: expect.stringContaining('the keychain did not answer'),
    });
    expect(performance.now() - started).toBeLessThan(10_000);
    keyring.signal('SIGCONT');
    await expectAllIsThere();
  });

  test('is stopped in the middle of a call is refused at once, and nothing is replaced', async () => {
    const [before] = keyring.items();
    await run('mctl', ['daemon', 'start']);
    expect((await run('mctl', ['keys', 'lock'])).code).toBe(0);
    keyring.signal('SIGSTOP');
    const unlocking = run('mctl', ['keys', 'unlock', '--json']);
    await waitUntil(
      () => helpersOf(home.daemonPid() ?? 0).length > 0,
      () => 'the daemon never asked the keychain',
      10_000,
    );
    keyring.signal('SIGKILL');
    const { code, out } = await unlocking;
    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({ type: 'error' });
    expect(helpersOf(home.daemonPid() ?? 0)).toEqual([]);
    await keyring.start();
    expect(keyring.items()).toEqual([before]);
    await expectAllIsThere();
  });

  test('holds two items for it is refused, and opens when the wrong one is removed', async () => {
    const [item] = keyring.items();
    const attributes = ['service', 'm', 'username', item?.account ?? '', 'copy', '1'];
    keyring.secretTool(['store', '--label=copy', ...attributes], item?.secret);
    expect(await status()).toMatchObject({
      state: 'denied',
      reason: 'the keychain holds more than one key for this store',
    });
    expect(keyring.items()).toHaveLength(2);
    keyring.secretTool(['clear', ...attributes]);
    await expectAllIsThere();
  });

  test('holds something else in the place of the key is refused, and keeps what it holds', async () => {
    const [item] = keyring.items();
    const { account = '', secret = '' } = item ?? {};
    const place = ['store', '--label=key', 'service', 'm', 'username', account];
    const changed = secret.slice(0, 20) + (secret[20] === 'A' ? 'B' : 'A') + secret.slice(21);
    const noKey = 'the key cannot be used: it is not a key of this program';
    for (const [garbage, reason] of [
      ['garbage', noKey],
      [Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0xc3]), noKey],
      ['', noKey],
      [changed, 'the key cannot be used: its checksum does not fit'],
      ['x'.repeat(100_000), 'the keychain holds something else in place of the key'],
    ] as const) {
      keyring.secretTool(place, garbage);
      const [replaced] = keyring.items();
      expect(await status()).toMatchObject({ state: 'denied', reason });
      expect((await failure())['kind']).toBe('KEY_DENIED');
      expect(keyring.items()).toEqual([replaced]);
    }
    expectNoKeyWasMade();
    keyring.secretTool(place, secret);
    await expectAllIsThere();
  });

  test('holds the key of another store is refused by name', async () => {
    const [item] = keyring.items();
    const other = new MHome();
    try {
      other.environment['M_KEY_PROVIDER'] = '';
      await other.run('m', ['run', 'hello'], { environment: keyring.environment });
      const foreign = keyring.items().find(({ account }) => account !== item?.account);
      const place = ['store', '--label=key', 'service', 'm', 'username', item?.account ?? ''];
      keyring.secretTool(place, foreign?.secret);
      expect(await status()).toMatchObject({
        state: 'denied',
        reason: expect.stringContaining('the keychain holds another key'),
      });
      keyring.secretTool(place, item?.secret);
      await expectAllIsThere();
    } finally {
      await other.remove();
    }
  });

  test('gives the key to a key file and takes it back, with nothing left where it was', async () => {
    expect((await run('mctl', ['keys', 'move', 'keyfile', '--yes'])).code).toBe(0);
    expect(keyring.items()).toEqual([]);
    await home.killDaemon();
    await expectAllIsThere();
    expect((await run('mctl', ['keys', 'move', 'keychain', '--yes'])).code).toBe(0);
    expectNoKeyWasMade();
    expect(keyring.items()).toHaveLength(1);
    await home.killDaemon();
    await expectAllIsThere();
  });

  test('does not take the key keeps it where it was', async () => {
    expect((await run('mctl', ['keys', 'move', 'keyfile', '--yes'])).code).toBe(0);
    keyring.signal('SIGSTOP');
    const { code, err } = await run('mctl', ['keys', 'move', 'keychain', '--yes']);
    expect(code).toBe(4);
    expect(err).toContain('the key was not moved: the keychain did not answer');
    keyring.signal('SIGCONT');
    await home.killDaemon();
    await expectAllIsThere();
    expect(await status()).toMatchObject({ provider: 'keyfile' });
  });
});

/** Children of the daemon that ask a keychain. */
function helpersOf(daemon: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
        return parent === daemon && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('keychain-helper');
      } catch {
        return false;
      }
    });
}
