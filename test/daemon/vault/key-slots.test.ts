import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CorruptKeyError, generateRootKey, parseRootKey } from '../../../daemon/vault/keys/key-text.ts';
import { Custody } from '../../../daemon/vault/keys/custody.ts';
import type { KeychainAnswer, KeychainCall } from '../../../daemon/vault/keys/keychain.ts';
import { MIGRATIONS } from '../../../daemon/vault/migrations.ts';
import { directVault, firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  directory.remove();
});

describe('the text of a root key', () => {
  test('is read back as the key that was written, with or without a line end', () => {
    for (let round = 0; round < 50; round += 1) {
      const { root, text } = generateRootKey();
      expect(parseRootKey(text).key.equals(root.key)).toBe(true);
      expect(parseRootKey(Buffer.concat([text, Buffer.from('\n')])).keyId).toBe(root.keyId);
    }
  });

  test('is refused when any character differs, is missing or is added', () => {
    const { text } = generateRootKey();
    for (let index = 0; index < text.length; index += 1) {
      const changed = Buffer.from(text);
      changed[index] = text[index] === 0x41 ? 0x42 : 0x41;
      expect(() => parseRootKey(changed)).toThrow(CorruptKeyError);
    }
    expect(() => parseRootKey(text.subarray(0, -1))).toThrow(CorruptKeyError);
    expect(() => parseRootKey(Buffer.concat([text, Buffer.from('x')]))).toThrow(CorruptKeyError);
    expect(() => parseRootKey(Buffer.alloc(0))).toThrow(CorruptKeyError);
  });
});

describe('a key file', () => {
  const keyFile = (): string => join(directory.path, 'key');

  test('is made once, private, and opens the store again', async () => {
    const vault = directVault(directory.path);
    const { key } = await vault.open({ provider: 'keyfile' });
    expect(key).toMatchObject({ state: 'unlocked', provider: 'keyfile', created: true, keyFile: keyFile() });
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    const before = readFileSync(keyFile());
    await vault.close();
    const again = directVault(directory.path);
    expect((await again.open({})).key).toMatchObject({ state: 'unlocked', created: false });
    expect(readFileSync(keyFile()).equals(before)).toBe(true);
    await again.close();
  });

  test('that is gone, damaged or open to others denies access and is never replaced', async () => {
    const vault = await openedVault(directory.path);
    await vault.append(firstTurn('kept'));
    await vault.close();
    const text = readFileSync(keyFile());
    const expectDenied = async (reason: RegExp, hint: RegExp): Promise<void> => {
      const locked = directVault(directory.path);
      const { key } = await locked.open({});
      expect(key.state).toBe('denied');
      expect(key.reason).toMatch(reason);
      expect(key.hint).toMatch(hint);
      await expect(locked.countSessions()).rejects.toMatchObject({ kind: 'KEY_DENIED' });
      await locked.close();
    };
    renameSync(keyFile(), `${keyFile()}.away`);
    await expectDenied(/is gone/, /from a backup/);
    expect(existsSync(keyFile())).toBe(false);
    writeFileSync(keyFile(), text.subarray(0, 20), { mode: 0o600 });
    await expectDenied(/not a key/, /from a backup/);
    rmSync(keyFile());
    writeFileSync(keyFile(), text, { mode: 0o600 });
    chmodSync(keyFile(), 0o644);
    await expectDenied(/can be read by others/, /^If you trust what is in it: chmod 600 '.*key'$/);
    chmodSync(keyFile(), 0o600);
    const opened = await openedVault(directory.path);
    expect(await opened.countSessions()).toBe(1);
    await opened.close();
  });

  test('that belongs to another keeper than M_KEY_PROVIDER names is an error', async () => {
    const vault = await openedVault(directory.path);
    await vault.close();
    const other = directVault(directory.path);
    await expect(other.open({ provider: 'keychain' })).rejects.toMatchObject({ kind: 'KEY_MISMATCH' });
    expect((await other.open({ provider: 'keyfile' })).key.state).toBe('unlocked');
    await other.close();
  });
});

describe('the choice of a keeper for a new store', () => {
  type Answers = Partial<Record<KeychainCall['operation'], KeychainAnswer>>;

  function slots(answers: Answers, calls: string[] = []): { custody: Custody; db: Database.Database } {
    const db = new Database(':memory:');
    db.exec(MIGRATIONS[0] ?? '');
    const keychain = (call: KeychainCall): Promise<KeychainAnswer> => {
      calls.push(call.operation);
      return Promise.resolve(answers[call.operation] ?? { kind: 'UNAVAILABLE', detail: 'none' });
    };
    return { custody: new Custody(db, directory.path, keychain), db };
  }

  test('takes a key file only when no keychain can be reached and it was allowed', async () => {
    const refused = await slots({}).custody.open({});
    expect(refused.status).toMatchObject({ state: 'none', reason: 'no keychain can be reached: none' });
    expect(refused.status.hint).toContain('M_KEY_PROVIDER=keyfile');
    expect(existsSync(join(directory.path, 'key'))).toBe(false);
    const insisted = await slots({}).custody.open({ provider: 'keychain', allowKeyfile: true });
    expect(insisted.status.state).toBe('none');
    const allowed = await slots({}).custody.open({ allowKeyfile: true });
    expect(allowed.status).toMatchObject({ state: 'unlocked', provider: 'keyfile', created: true });
  });

  test('makes no key while a keychain is locked, silent, ambiguous or denies', async () => {
    for (const kind of ['LOCKED', 'TIMEOUT', 'AMBIGUOUS', 'DENIED', 'CORRUPT'] as const) {
      const calls: string[] = [];
      const { status } = await slots({ get: { kind, detail: '' } }, calls).custody.open({ allowKeyfile: true });
      expect(status.state).toBe('none');
      expect(calls).toEqual(['get']);
      expect(existsSync(join(directory.path, 'key'))).toBe(false);
    }
  });

  test('refuses a keychain that does not give back what was stored in it', async () => {
    const other = generateRootKey().text;
    const answers: Answers = { get: { kind: 'ABSENT', detail: '' }, set: { kind: 'DONE', detail: '' } };
    const forgetful = await slots(answers).custody.open({ allowKeyfile: true });
    expect(forgetful.status).toMatchObject({ state: 'none' });
    expect(forgetful.status.reason).toContain('did not give back');
    const swapped = slots({ ...answers, get: { kind: 'FOUND', secret: other } });
    // A key that is found before anything was stored comes from an interrupted first start, and is used.
    expect((await swapped.custody.open({})).status).toMatchObject({ state: 'unlocked', provider: 'keychain' });
  });

  test('makes no new key for a store that has data and no record of its key', async () => {
    const { custody: some, db } = slots({ get: { kind: 'ABSENT', detail: '' } });
    db.exec("INSERT INTO workspace(id, path) VALUES (1, x'00'); INSERT INTO secret(id, body) VALUES (1, x'00')");
    await expect(some.open({ allowKeyfile: true })).rejects.toMatchObject({ kind: 'TAMPERED' });
  });
});

describe('a passphrase', () => {
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
  const wish = { provider: 'passphrase' } as const;

  test('creates a store that is locked again at the next start, until the same passphrase comes', async () => {
    const vault = directVault(directory.path);
    expect((await vault.open(wish)).key).toMatchObject({ state: 'none', provider: null });
    expect((await vault.unlock(wish, bytes('short'))).key.reason).toBe('the passphrase is too short');
    expect((await vault.unlock(wish, bytes('correct horse'))).key).toMatchObject({
      state: 'unlocked',
      provider: 'passphrase',
      created: true,
    });
    await vault.append(firstTurn('kept'));
    await vault.close();
    const again = directVault(directory.path);
    expect((await again.open({})).key).toMatchObject({ state: 'locked', provider: 'passphrase' });
    await expect(again.countSessions()).rejects.toMatchObject({ kind: 'KEY_LOCKED' });
    expect((await again.unlock({}, bytes('wrong horse'))).key).toMatchObject({
      state: 'locked',
      reason: 'this is not the passphrase',
    });
    expect((await again.unlock({}, bytes('correct horse'))).key.state).toBe('unlocked');
    expect(await again.countSessions()).toBe(1);
    await again.close();
    expect(existsSync(join(directory.path, 'key'))).toBe(false);
  });

  test('can take over from a key file, which is then gone, and give the key back to one', async () => {
    const vault = await openedVault(directory.path);
    const { sessionId } = await vault.append(firstTurn('kept'));
    const { key } = await vault.workspaceKey('/w');
    expect((await vault.moveKey('passphrase', {}, bytes('correct horse'))).key).toMatchObject({
      state: 'unlocked',
      provider: 'passphrase',
    });
    expect(existsSync(join(directory.path, 'key'))).toBe(false);
    await expect(vault.moveKey('passphrase', {}, bytes('x'))).rejects.toMatchObject({ kind: 'KEY_UNAVAILABLE' });
    await vault.close();
    const locked = directVault(directory.path);
    await locked.unlock({}, bytes('correct horse'));
    expect((await locked.verify(sessionId)).problems).toEqual([]);
    await locked.moveKey('keyfile', {}, undefined);
    await locked.close();
    const opened = await openedVault(directory.path);
    expect((await opened.verify(sessionId)).problems).toEqual([]);
    expect((await opened.workspaceKey('/w')).key.equals(key)).toBe(true);
    await opened.close();
  });
});

describe('a store that is locked on purpose', () => {
  test('answers nobody and does not open by itself until it is unlocked', async () => {
    const vault = await openedVault(directory.path);
    await vault.append(firstTurn('kept'));
    expect((await vault.lock()).key).toMatchObject({ state: 'locked', provider: 'keyfile' });
    await expect(vault.countSessions()).rejects.toMatchObject({ kind: 'KEY_LOCKED' });
    expect((await vault.open({})).key.state).toBe('locked');
    expect((await vault.unlock({}, undefined)).key.state).toBe('unlocked');
    expect(await vault.countSessions()).toBe(1);
    await vault.close();
  });
});
