import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../../client/keys/open-store.ts';
import { SHORTEST_PASSPHRASE_BYTES } from '../../../client/keys/passphrase.ts';
import { MIN_PASSPHRASE_BYTES } from '../../../daemon/vault/keys/passphrase-keeper.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

const PASSPHRASE = 'correct horse';

let daemon: FakeDaemon;
let directory: string;

beforeEach(() => {
  daemon = new FakeDaemon();
  directory = mkdtempSync(join(tmpdir(), 'mo'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function passphraseFile(content: string): string {
  const path = join(directory, 'passphrase');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

/** Opens the store as a frontend does, with what is typed. */
function open(options: { input?: string; isTTY?: boolean; environment?: NodeJS.ProcessEnv } = {}) {
  const fake = fakeSurroundings(daemon, { input: '', ...options });
  const outcome = openStore(daemon.connect(), fake.around).then(
    (key) => ({ key, error: undefined }),
    (error: unknown) => ({ key: undefined, error: error as { kind: string; message: string; hint: string } }),
  );
  return outcome.then((result) => ({ ...result, said: fake.stderr.text, printed: fake.stdout.text }));
}

function sent(): unknown[] {
  return daemon.calls.filter(({ method }) => method === 'key/unlock').map(({ params }) => params);
}

test('a store that can be read is opened without a question', async () => {
  expect(await open()).toMatchObject({ key: { state: 'unlocked' }, said: '' });
});

describe('a store that is locked with a passphrase', () => {
  beforeEach(() => {
    daemon.lock.lockBy(PASSPHRASE);
  });

  test('asks for it on a terminal, and sends its bytes in base64', async () => {
    const { key, said, printed } = await open({ isTTY: true, input: `${PASSPHRASE}\r` });
    expect(key?.state).toBe('unlocked');
    expect(said).toBe('the store is locked with a passphrase\npassphrase: \n');
    expect(sent()).toEqual([{ passphrase: Buffer.from(PASSPHRASE).toString('base64') }]);
    expect(said + printed).not.toContain('horse');
  });

  test('gives three tries', async () => {
    const second = await open({ isTTY: true, input: `wrong\r${PASSPHRASE}\r` });
    expect(second.key?.state).toBe('unlocked');
    expect(second.said).toContain('this is not the passphrase\npassphrase: ');
    daemon.lock.close();
    const { error, said } = await open({ isTTY: true, input: 'wrong\rworse\rworst\rnever read\r' });
    expect(error).toMatchObject({ kind: 'KEY_LOCKED', message: 'the store stays locked' });
    expect(said.match(/this is not the passphrase/g)).toHaveLength(3);
  });

  test('stays locked after Ctrl+C', async () => {
    expect((await open({ isTTY: true, input: 'cor\x03' })).error).toMatchObject({ kind: 'CANCELLED' });
    expect(sent()).toEqual([]);
  });

  test('refuses without a terminal, with what to do', async () => {
    const { error } = await open();
    expect(error).toMatchObject({ kind: 'KEY_LOCKED', message: 'the store is locked with a passphrase' });
    expect(error?.hint).toContain('mctl keys unlock');
  });

  test('is unlocked from a file, with a terminal and without', async () => {
    const environment = { M_PASSPHRASE_FILE: passphraseFile(`${PASSPHRASE}\n`) };
    for (const isTTY of [true, false]) {
      expect(await open({ isTTY, environment })).toMatchObject({ key: { state: 'unlocked' }, said: '' });
      daemon.lock.close();
    }
  });

  test('is not asked for when the file does not open it: that would hide that the file is wrong', async () => {
    const environment = { M_PASSPHRASE_FILE: passphraseFile('another horse\n') };
    const { error, said } = await open({ isTTY: true, environment, input: `${PASSPHRASE}\r` });
    expect(error).toMatchObject({ kind: 'KEY_LOCKED', message: 'the store stays locked: this is not the passphrase' });
    expect(error?.hint).toContain('M_PASSPHRASE_FILE');
    expect(said).toBe('');
    expect(sent()).toHaveLength(1);
  });

  test('says what is wrong with the file', async () => {
    const environment = { M_PASSPHRASE_FILE: join(directory, 'nothing') };
    const { error } = await open({ isTTY: true, environment });
    expect(error).toMatchObject({ kind: 'KEY_UNAVAILABLE', message: expect.stringContaining('does not exist') });
  });
});

test('a keychain that is locked is not asked about: only its own prompt can unlock it', async () => {
  daemon.lock.status = {
    ...daemon.lock.status,
    state: 'locked',
    provider: 'keychain',
    reason: 'the keychain is locked',
  };
  const { error, said } = await open({ isTTY: true, input: `${PASSPHRASE}\r` });
  expect(error).toMatchObject({ kind: 'KEY_LOCKED', message: 'the keychain is locked' });
  expect(said).toBe('');
});

describe('the first use with M_KEY_PROVIDER=passphrase', () => {
  beforeEach(() => {
    daemon.lock.beNew(['passphrase']);
  });

  test('asks twice, and says what it is for and that it cannot be recovered', async () => {
    const { key, said } = await open({ isTTY: true, input: `${PASSPHRASE}\r${PASSPHRASE}\r` });
    expect(key).toMatchObject({ state: 'unlocked', provider: 'passphrase', created: true });
    expect(said).toMatch(/encrypted with a key made from this passphrase[^]*cannot be recovered/);
    expect(said).toContain('new passphrase: \nonce more: ');
    expect(sent()).toEqual([{ provider: 'passphrase', passphrase: Buffer.from(PASSPHRASE).toString('base64') }]);
  });

  test('takes none that is short or is typed differently', async () => {
    const input = `short\rcorrect horse\rcorrect house\r${PASSPHRASE}\r${PASSPHRASE}\r`;
    const { key, said } = await open({ isTTY: true, input });
    expect(key?.state).toBe('unlocked');
    expect(said).toContain('too short; use at least 8 bytes');
    expect(said).toContain('the two are different');
    expect(daemon.lock.passphrase).toBe(PASSPHRASE);
    daemon.lock.beNew(['passphrase']);
    const { error } = await open({ isTTY: true, input: 'a\rb\rc\rd\r' });
    expect(error).toMatchObject({ kind: 'KEY_UNAVAILABLE', message: 'no passphrase was chosen' });
  });

  test('takes it from a file, without a terminal too', async () => {
    const environment = { M_PASSPHRASE_FILE: passphraseFile(`${PASSPHRASE}\n`) };
    expect((await open({ environment })).key?.state).toBe('unlocked');
    expect(daemon.lock.passphrase).toBe(PASSPHRASE);
  });

  test('refuses without either, and creates nothing', async () => {
    const { error } = await open();
    expect(error).toMatchObject({ kind: 'KEY_UNAVAILABLE', message: 'a passphrase is needed to create the store' });
    expect(sent()).toEqual([]);
  });

  test('calls too short what the daemon does', () => {
    expect(SHORTEST_PASSPHRASE_BYTES).toBe(MIN_PASSPHRASE_BYTES);
  });
});

describe('the first use where no keychain can be reached', () => {
  beforeEach(() => {
    daemon.lock.beNew(['keyfile', 'passphrase']);
  });

  test('asks a person, who can choose a key file', async () => {
    const { key, said } = await open({ isTTY: true, input: '1\n' });
    expect(key).toMatchObject({ provider: 'keyfile', created: true });
    expect(sent()).toEqual([{ provider: 'keyfile' }]);
    expect(said).toMatch(
      /^no keychain can be reached\.\nWhere is the key[^]* {2}1\) a key file[^]*whoever copies[^]* {2}2\) a passphrase[^]*cannot be recovered[^]* {2}3\) nowhere/,
    );
  });

  test('or a passphrase, which is then asked for twice', async () => {
    const { key } = await open({ isTTY: true, input: `2\n${PASSPHRASE}\r${PASSPHRASE}\r` });
    expect(key).toMatchObject({ provider: 'passphrase', created: true });
    expect(daemon.lock.passphrase).toBe(PASSPHRASE);
  });

  test.each(['3\n', '\n', '', 'x\n7\n0\n'])('or nothing: %j', async (input) => {
    const { error } = await open({ isTTY: true, input });
    expect(error).toMatchObject({ kind: 'CANCELLED', message: 'no store was created' });
    expect(sent()).toEqual([]);
  });

  test('says that somebody else was quicker, and not that a variable is wrong which nobody set', async () => {
    daemon.lock.unlock = () => {
      throw new ProtocolError('KEY_MISMATCH', 'the key is kept by another keeper than M_KEY_PROVIDER says');
    };
    const { error } = await open({ isTTY: true, input: '1\n' });
    expect(error).toMatchObject({ kind: 'CONFLICT', message: expect.stringContaining('was made elsewhere') });
    daemon.lock.beNew(['passphrase']);
    const environment = { M_KEY_PROVIDER: 'passphrase', M_PASSPHRASE_FILE: passphraseFile(PASSPHRASE) };
    expect((await open({ environment })).error).toMatchObject({ kind: 'KEY_MISMATCH' });
  });

  test('takes a mistyped answer as no answer', async () => {
    expect((await open({ isTTY: true, input: 'x\n1\n' })).key?.provider).toBe('keyfile');
  });

  test('refuses without a terminal, with the exact remedy', async () => {
    const { error } = await open();
    expect(error).toMatchObject({ kind: 'KEY_UNAVAILABLE', message: 'no keychain can be reached' });
    expect(error?.hint).toContain('M_KEY_PROVIDER');
  });
});
