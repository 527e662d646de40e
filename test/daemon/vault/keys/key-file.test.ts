import { existsSync, linkSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { firstTurn, openedVault, temporaryDirectory } from '../../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  directory.remove();
});

test('a process that died between giving a new key its name and removing the other one leaves no second name', async () => {
  const vault = await openedVault(directory.path);
  const { sessionId } = await vault.append(firstTurn('kept'));
  await vault.close();
  const file = join(directory.path, 'key');
  const key = readFileSync(file);
  linkSync(file, `${file}.new`);
  const next = await openedVault(directory.path);
  expect(readdirSync(directory.path).filter((name) => name.startsWith('key'))).toEqual(['key']);
  expect(readFileSync(file)).toEqual(key);
  expect((await next.verify(sessionId)).problems).toEqual([]);
  await next.close();
});

test('one that died before that leaves a key that is never used', async () => {
  writeFileSync(join(directory.path, 'key.new'), 'half', { mode: 0o600 });
  const vault = await openedVault(directory.path);
  expect(existsSync(join(directory.path, 'key.new'))).toBe(false);
  await vault.close();
});
