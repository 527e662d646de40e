import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import type { Answer } from '../../../daemon/vault/calls.ts';
import { Vault } from '../../../daemon/vault/vault.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let vault: Vault | undefined;
let answers: Answer[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
  answers = [];
});

afterEach(async () => {
  await ask('close');
  vault = undefined;
  directory.remove();
});

function prepared(): void {
  vault = new Vault(directory.path, (answer) => answers.push(answer));
  vault.prepare();
}

/** The answer of the vault, without anything that would open it first. */
async function ask(method: keyof VaultPort, ...args: readonly unknown[]): Promise<Answer> {
  const id = answers.length + 1;
  const before = answers.length;
  vault?.run([[id, method, args]]);
  await expect.poll(() => answers.length).toBeGreaterThan(before);
  return answers.at(-1) ?? [id, undefined];
}

async function storeWithASession(): Promise<void> {
  const opened = await openedVault(directory.path);
  await opened.append(firstTurn('one'));
  await opened.close();
}

test('a store whose key is in a file can be read before anybody has asked for it to be opened', async () => {
  await storeWithASession();
  prepared();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await ask('countSessions')).toMatchObject([expect.any(Number), 1]);
  const [, opened] = await ask('open', { provider: 'keyfile' });
  expect(opened).toMatchObject({ key: { state: 'unlocked', provider: 'keyfile', created: false } });
  expect((await ask('open', { provider: 'keychain' }))[2]).toMatchObject({ kind: 'KEY_MISMATCH' });
});

test('no store is made where there is none', async () => {
  prepared();
  await new Promise((resolve) => setImmediate(resolve));
  expect(existsSync(join(directory.path, 'store'))).toBe(false);
  expect((await ask('countSessions'))[2]).toMatchObject({ kind: 'KEY_UNAVAILABLE' });
});

test('what is wrong with the key is told to whoever asks', async () => {
  await storeWithASession();
  rmSync(join(directory.path, 'key'));
  prepared();
  const [, opened] = await ask('open', {});
  expect(opened).toMatchObject({ key: { state: 'denied', provider: 'keyfile' } });
});
