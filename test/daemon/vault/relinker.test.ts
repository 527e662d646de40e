/** A directory that was moved: everything that named the old path names the new one, and verifies there. */
import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { changeRows, flip } from './support/stored-rows.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let vault: VaultPort;

beforeEach(async () => {
  directory = temporaryDirectory();
  vault = await openedVault(directory.path);
});

afterEach(async () => {
  await vault.close();
  directory.remove();
});

async function session(workspace: string): Promise<string> {
  const sessionId = ulid();
  const entry = { type: 'origin', turn: 0, at: 1, body: '{}', isMessage: false } as const;
  const create = { workspace, model: 'm/m', title: 'kept' };
  await vault.append({ opId: ulid(), sessionId, entries: [entry], patch: {}, create });
  return sessionId;
}

async function save(sessionId: string): Promise<void> {
  const wanted = { wantedId: `s-${sessionId}`, seq: 1, turn: 0, messages: 0, model: 'm/m', fingerprint: '', at: 1 };
  await vault.createSave({ opId: ulid(), sessionId, ...wanted });
}

async function reopen(): Promise<void> {
  await vault.close();
  vault = await openedVault(directory.path);
}

async function expectAllWell(sessions: readonly string[]): Promise<void> {
  for (const id of sessions) expect((await vault.verify(id)).problems).toEqual([]);
  expect((await vault.verifyRest()).problems).toEqual([]);
}

test.each([false, true])(
  'sessions, saves and the key go along, to a path that is known already: %s',
  async (isKnown) => {
    const [one, two, other] = [await session('/old'), await session('/old'), await session('/other')];
    const there = isKnown ? [await session('/new')] : [];
    await save(one);
    const { id, key } = await vault.workspaceKey('/old');
    const moved = await vault.relinkWorkspace('/old', '/new');
    expect(moved.toSorted()).toEqual([one, two].toSorted());
    for (let round = 0; round < 2; round += 1) {
      for (const id of [one, two, ...there]) expect((await vault.head(id)).workspace).toBe('/new');
      expect(await vault.head(one)).toMatchObject({ title: 'kept', lastSeq: 1 });
      expect((await vault.head(other)).workspace).toBe('/other');
      expect((await vault.list({ workspace: '/new', archived: 'include', limit: 9 })).heads).toHaveLength(
        2 + there.length,
      );
      expect((await vault.list({ workspace: '/old', archived: 'include', limit: 9 })).heads).toEqual([]);
      expect((await vault.listSaves(9, 0)).saves).toMatchObject([{ sessionId: one, workspace: '/new' }]);
      expect(await vault.workspaceKeys()).toEqual([{ path: '/new', id }]);
      const found = await vault.workspaceKey('/new');
      expect(found.key.equals(key)).toBe(true);
      await expectAllWell([one, two, other, ...there]);
      await reopen();
    }
    const rename = { type: 'title', turn: 0, at: 2, body: '{}', isMessage: false } as const;
    await vault.append({ opId: ulid(), sessionId: one, entries: [rename], patch: { title: 'goes on' } });
    await expectAllWell([one]);
  },
);

test('rules do not go along, and those of the new path stay', async () => {
  await session('/old');
  for (const workspace of ['/old', '/new'])
    await vault.addRule({ workspace, sessionId: null, effect: 'command', subject: 'make', createdAt: 1 });
  await vault.relinkWorkspace('/old', '/new');
  expect(await vault.rules()).toMatchObject([{ workspace: '/new', subject: 'make' }]);
  await expectAllWell([]);
});

test('a path of which nothing is known, and one that has snapshots already, change nothing', async () => {
  await expect(vault.relinkWorkspace('/old', '/new')).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  const id = await session('/old');
  const keys = [await vault.workspaceKey('/old'), await vault.workspaceKey('/new')].map((each) => each.id);
  await expect(vault.relinkWorkspace('/old', '/new')).rejects.toMatchObject({ kind: 'CONFLICT' });
  expect((await vault.head(id)).workspace).toBe('/old');
  expect((await vault.workspaceKeys()).map((each) => each.id)).toEqual(keys);
});

test('a session that does not verify stays where it is, and the others go', async () => {
  const [damaged, whole] = [await session('/old'), await session('/old')];
  vault = await changeRows(vault, directory.path, (db) => {
    flip(db, 'session', 'details', `id = '${damaged}'`);
  });
  expect(await vault.relinkWorkspace('/old', '/new')).toEqual([whole]);
  expect((await vault.head(whole)).workspace).toBe('/new');
  expect((await vault.listed(damaged)).workspace).toBe('/old');
});

test('a key that does not verify is not moved, nor anything else', async () => {
  const id = await session('/old');
  await vault.workspaceKey('/old');
  vault = await changeRows(vault, directory.path, (db) => {
    flip(db, 'workspace_key', 'key', 'true');
  });
  expect(await vault.workspaceDirectories()).toHaveLength(1);
  await expect(vault.relinkWorkspace('/old', '/new')).rejects.toMatchObject({ kind: 'TAMPERED' });
  expect((await vault.head(id)).workspace).toBe('/old');
});
