import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { directVault, firstTurn, openedVault, temporaryDirectory } from '../../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  directory.remove();
});

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
const wish = { provider: 'passphrase' } as const;

function readSlot(): { provider: string; parameters: string } {
  const db = new Database(join(directory.path, 'store', 'm.db'), { readonly: true });
  const slot = db.prepare<[], { provider: string; parameters: string }>('SELECT * FROM key_slot').all();
  db.close();
  expect(slot).toHaveLength(1);
  return slot[0] ?? { provider: '', parameters: '' };
}

test('of two passphrases that are given at once for a new store one becomes its own, and the other is refused', async () => {
  const vault = directVault(directory.path);
  const outcomes = await Promise.allSettled([
    vault.unlock(wish, bytes('correct horse')),
    vault.unlock(wish, bytes('another horse')),
    vault.unlock(wish, bytes('correct horse')),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { kind: 'CONFLICT' } });
  await vault.append(firstTurn('kept'));
  await vault.close();
  const again = directVault(directory.path);
  expect((await again.unlock({}, bytes('another horse'))).key.state).toBe('locked');
  expect((await again.unlock({}, bytes('correct horse'))).key.state).toBe('unlocked');
  expect(await again.countSessions()).toBe(1);
  await again.close();
});

test('a passphrase and a key file that are wished for at once make one store with one keeper', async () => {
  const vault = directVault(directory.path);
  const [chosen, wished] = await Promise.allSettled([
    vault.unlock(wish, bytes('correct horse')),
    vault.open({ provider: 'keyfile' }),
  ]);
  expect(chosen).toMatchObject({ status: 'fulfilled', value: { key: { provider: 'passphrase' } } });
  expect(wished).toMatchObject({ status: 'rejected', reason: { kind: 'KEY_MISMATCH' } });
  expect(existsSync(join(directory.path, 'key'))).toBe(false);
  await vault.close();
  expect(readSlot().provider).toBe('passphrase');
});

test('locking waits for a move, and the store opens with the key where it was moved', async () => {
  const vault = await openedVault(directory.path);
  await vault.append(firstTurn('kept'));
  const [moved, locked] = await Promise.all([vault.moveKey('passphrase', {}, bytes('correct horse')), vault.lock()]);
  expect(moved.key.provider).toBe('passphrase');
  expect(locked.key).toMatchObject({ state: 'locked', provider: 'passphrase' });
  expect((await vault.unlock({}, bytes('correct horse'))).key.state).toBe('unlocked');
  expect(await vault.countSessions()).toBe(1);
  await vault.close();
});

test('the bytes of a passphrase are overwritten, whether it was the right one or not', async () => {
  const vault = directVault(directory.path);
  const given = [bytes('correct horse'), bytes('wrong horse'), bytes('correct horse')];
  for (const passphrase of given) await vault.unlock(wish, passphrase).catch(() => undefined);
  await vault.close();
  for (const passphrase of given) expect(passphrase.every((byte) => byte === 0)).toBe(true);
});

test('a key file that cannot be removed after a move is named, and what moved stays moved', async () => {
  const vault = await openedVault(directory.path);
  rmSync(join(directory.path, 'key'));
  // Nothing is left to be removed: that is no failure.
  expect((await vault.moveKey('passphrase', {}, bytes('correct horse'))).key.reason).toBe('');
  await vault.moveKey('keyfile', {}, undefined);
  rmSync(join(directory.path, 'key'));
  writeFileSync(join(directory.path, 'target'), 'mine');
  const { symlinkSync } = await import('node:fs');
  symlinkSync(join(directory.path, 'target'), join(directory.path, 'key'));
  const { key } = await vault.moveKey('passphrase', {}, bytes('correct horse'));
  expect(key).toMatchObject({ state: 'unlocked', provider: 'passphrase' });
  expect(key.reason).toMatch(/^the key was moved, but the key file .* could not be removed \(ELOOP\)$/);
  expect(readFileSync(join(directory.path, 'target'), 'utf8')).toBe('mine');
  await vault.close();
});

test('a half-made key file of a process that died over it is in nobody’s way', async () => {
  writeFileSync(join(directory.path, 'key.new'), 'half', { mode: 0o600 });
  const vault = await openedVault(directory.path);
  expect(statSync(join(directory.path, 'key')).mode & 0o777).toBe(0o600);
  expect(existsSync(join(directory.path, 'key.new'))).toBe(false);
  await vault.close();
});

test('a store that is made with the key file of one that is gone says so', async () => {
  await (await openedVault(directory.path)).close();
  const before = readFileSync(join(directory.path, 'key'));
  rmSync(join(directory.path, 'store'), { recursive: true });
  const vault = directVault(directory.path);
  const { key } = await vault.open({ provider: 'keyfile' });
  expect(key).toMatchObject({
    state: 'unlocked',
    created: true,
    reason: 'a new store was made with the key file that was there',
    hint: expect.stringContaining('restore it from a backup') as string,
  });
  expect(readFileSync(join(directory.path, 'key'))).toEqual(before);
  await vault.close();
});

test('a client that only looks creates nothing', async () => {
  const vault = directVault(directory.path);
  const { key } = await vault.open({ provider: 'keyfile', allowKeyfile: true, create: false });
  expect(key).toMatchObject({ state: 'none', provider: null, reason: 'the store has not been created yet' });
  expect(existsSync(join(directory.path, 'key'))).toBe(false);
  expect((await vault.open({ provider: 'keyfile' })).key).toMatchObject({ state: 'unlocked', created: true });
  await vault.close();
});

test('a record of the passphrase that asks for impossible work is reported as changed', async () => {
  const vault = directVault(directory.path);
  await vault.unlock(wish, bytes('correct horse'));
  await vault.close();
  const { parameters } = readSlot();
  const good = JSON.parse(parameters) as Record<string, unknown>;
  const change = (value: string): void => {
    const db = new Database(join(directory.path, 'store', 'm.db'));
    db.prepare('UPDATE key_slot SET parameters = ?').run(value);
    db.close();
  };
  for (const bad of [{ N: 2 ** 30 }, { N: 3 }, { r: 0 }, { p: 10_000 }, { salt: '' }, { salt: 7 }, { keyId: null }]) {
    change(JSON.stringify({ ...good, ...bad }));
    const changed = directVault(directory.path);
    await expect(changed.open({})).rejects.toMatchObject({ kind: 'TAMPERED' });
    await changed.close();
  }
  change('not JSON');
  const broken = directVault(directory.path);
  await expect(broken.unlock({}, bytes('correct horse'))).rejects.toMatchObject({ kind: 'TAMPERED' });
  await broken.close();
  change(parameters);
  const mended = directVault(directory.path);
  expect((await mended.unlock({}, bytes('correct horse'))).key.state).toBe('unlocked');
  await mended.close();
});
