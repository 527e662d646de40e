import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

const PASSPHRASE = 'correct horse';
const LOCKED = '[locked: type the passphrase, Ctrl+C leaves]';

/** A chat on a terminal in memory, at its prompt. */
async function open(daemon: FakeDaemon, environment: NodeJS.ProcessEnv = {}) {
  const fake = fakeSurroundings(daemon, { isTTY: true, environment: { NO_COLOR: '1', ...environment } });
  const ended = main([], fake.around);
  onTestFinished(async () => {
    fake.signal('SIGTERM');
    await ended;
  });
  await fake.stdout.untilScreen(/^»/m);
  return { ...fake, ended, type: (keys: string) => void fake.stdin.write(keys) };
}

/** The daemon has been killed, and the next one has no key. */
function comeBackLocked(daemon: FakeDaemon): void {
  daemon.status({ state: 'reconnecting', reason: 'the daemon closed the connection' });
  daemon.lock.lockBy(PASSPHRASE);
  daemon.status({ state: 'connected' });
}

test('a daemon that comes back without the key makes chat ask for the passphrase, and go on', async () => {
  const daemon = new FakeDaemon();
  const chat = await open(daemon);
  comeBackLocked(daemon);
  await chat.stdout.untilScreen(`${LOCKED}\npassphrase:`, 2_000, true);
  chat.type(`${PASSPHRASE}\r`);
  await chat.stdout.untilScreen('unlocked\n»', 2_000, true);
  chat.type('hello\r');
  await chat.stdout.untilScreen('» hello\nYou said: hello\nsaved\n»', 2_000, true);
  expect(chat.stdout.text + chat.stderr.text).not.toContain('horse');
});

test('a wrong passphrase is said to be wrong, and the next one counts', async () => {
  const daemon = new FakeDaemon();
  const chat = await open(daemon);
  comeBackLocked(daemon);
  await chat.stdout.untilScreen('passphrase:', 2_000, true);
  chat.type('wrong horse\r');
  await chat.stdout.untilScreen(`this is not the passphrase\n${LOCKED}\npassphrase:`, 2_000, true);
  chat.type(`${PASSPHRASE}\r`);
  await chat.stdout.untilScreen('unlocked\n»', 2_000, true);
});

test('the line that was being typed is there again afterwards', async () => {
  const daemon = new FakeDaemon();
  const chat = await open(daemon);
  chat.type('half a pro');
  await chat.stdout.untilScreen('» half a pro', 2_000, true);
  comeBackLocked(daemon);
  await chat.stdout.untilScreen('passphrase:', 2_000, true);
  chat.type(`${PASSPHRASE}\r`);
  await chat.stdout.untilScreen('unlocked\n» half a pro', 2_000, true);
  chat.type('mpt\r');
  await chat.stdout.untilScreen('You said: half a prompt', 2_000);
});

test('a prompt that meets a locked store is given when it is unlocked, as the same operation', async () => {
  const daemon = new FakeDaemon();
  const chat = await open(daemon);
  daemon.lock.lockBy(PASSPHRASE);
  chat.type('hello\r');
  await chat.stdout.untilScreen(`${LOCKED}\npassphrase:`, 2_000, true);
  chat.type(`${PASSPHRASE}\r`);
  await chat.stdout.untilScreen('You said: hello\nsaved\n»', 2_000, true);
  expect(chat.stdout.text).not.toContain('not sent');
  const given = daemon.calls.filter(({ method }) => method === 'turn/submit').map(({ params }) => params);
  expect(given).toHaveLength(2);
  expect(given[1]).toEqual(given[0]);
});

test('a store that another terminal unlocks needs no passphrase here', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['daemon/status'] = () => ({ keyState: daemon.lock.status.state, configProblems: [] });
  const chat = await open(daemon);
  comeBackLocked(daemon);
  await chat.stdout.untilScreen('passphrase:', 2_000, true);
  chat.type('half typed');
  daemon.lock.unlock(undefined, Buffer.from(PASSPHRASE).toString('base64'));
  await chat.stdout.untilScreen('unlocked\n»', 4_000, true);
  chat.type('hello\r');
  await chat.stdout.untilScreen('You said: hello', 2_000);
});

test('Ctrl+C and Ctrl+D leave a chat that asks for the passphrase', async () => {
  for (const key of ['\x03', '\x04']) {
    const daemon = new FakeDaemon();
    const chat = await open(daemon);
    comeBackLocked(daemon);
    await chat.stdout.untilScreen('passphrase:', 2_000, true);
    chat.type(key);
    expect(await chat.ended).toBe(0);
  }
});

test('M_PASSPHRASE_FILE unlocks without a question', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ml'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'passphrase');
  writeFileSync(file, `${PASSPHRASE}\n`, { mode: 0o600 });
  const daemon = new FakeDaemon();
  const chat = await open(daemon, { M_PASSPHRASE_FILE: file });
  comeBackLocked(daemon);
  chat.type('hello\r');
  await chat.stdout.untilScreen('You said: hello\nsaved\n»', 2_000, true);
  expect(chat.stdout.text).not.toContain('passphrase:');
});

test('a locked keychain is named, and Enter tries it again', async () => {
  const daemon = new FakeDaemon();
  const chat = await open(daemon);
  daemon.status({ state: 'reconnecting', reason: 'the daemon closed the connection' });
  daemon.lock.status = {
    ...daemon.lock.status,
    state: 'locked',
    provider: 'keychain',
    reason: 'the keychain is locked',
  };
  daemon.lock.isKeychainOpen = false;
  daemon.status({ state: 'connected' });
  await chat.stdout.untilScreen('[locked: the keychain is locked; Enter tries again]\n»', 2_000, true);
  chat.type('hello\r');
  await chat.stdout.untilScreen('not sent: the keychain is locked', 2_000);
  await chat.stdout.untilScreen('» hello', 2_000, true);
  daemon.lock.isKeychainOpen = true;
  chat.type('\r');
  await chat.stdout.untilScreen('You said: hello\nsaved\n»', 2_000, true);
});

test('in a pipe a store that stays locked ends the chat with 4', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, {});
  const ended = main([], fake.around);
  fake.stdin.write('hello\n');
  await expect.poll(() => daemon.sessions.size).toBe(1);
  comeBackLocked(daemon);
  expect(await ended).toBe(4);
  expect(fake.stderr.text).toContain('m: the store is locked with a passphrase\n');
  expect(fake.stderr.text).toContain('come back with: m -r');
});
