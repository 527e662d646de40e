/** The key of the files that are kept of a workspace: one for each, and never one that somebody put there. */
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { connectVault } from '../../../daemon/vault/vault-client.ts';
import { startVaultThread } from '../../../daemon/vault/vault-thread.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { everythingBelow, findTexts } from '../../support/plain-text.ts';
import { changeRows, flip, putBack, rowsOf, withRows } from './support/stored-rows.ts';

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

async function change(how: Parameters<typeof changeRows>[2]): Promise<void> {
  vault = await changeRows(vault, directory.path, how);
}

const bytesOf = (key: KeyObject): string => key.export().toString('hex');

/** What is seen of the key of a workspace, so that two can be compared. */
async function keyOf(path: string): Promise<{ id: string; key: string }> {
  const { id, key } = await vault.workspaceKey(path);
  return { id, key: bytesOf(key) };
}

const countOf = (table: string): unknown =>
  withRows(directory.path, (db) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());

describe('the key of a workspace', () => {
  test('is made when it is first asked for, differs from every other, and is the same ever after', async () => {
    const first = await keyOf('/w');
    expect(first.id).toMatch(/^[0-9a-f]{32}$/);
    expect(first.key).toMatch(/^[0-9a-f]{64}$/);
    const other = await keyOf('/w/below');
    expect([other.id === first.id, other.key === first.key]).toEqual([false, false]);
    await change(() => undefined);
    expect([await keyOf('/w'), await keyOf('/w/below')]).toEqual([first, other]);
    expect(await vault.workspaceKeys()).toEqual([
      { path: '/w', id: first.id },
      { path: '/w/below', id: other.id },
    ]);
    expect((await vault.verifyRest()).problems).toEqual([]);
  });

  test('is one for all who ask at once, also when the call beside them fails', async () => {
    const asked = [keyOf('/w'), vault.head(ulid()), vault.removeRule(9), keyOf('/w'), keyOf('/v'), keyOf('/w')];
    const [one, missing, refused, two, , three] = await Promise.allSettled(asked);
    expect([missing?.status, refused?.status]).toEqual(['rejected', 'rejected']);
    expect(one?.status).toBe('fulfilled');
    expect([two, three]).toEqual([one, one]);
    await change(() => undefined);
    expect({ status: 'fulfilled', value: await keyOf('/w') }).toEqual(one);
    expect(await vault.workspaceKeys()).toHaveLength(2);
  });

  test('goes when it is removed, with the path when nothing else names it, and another one comes after it', async () => {
    const before = await keyOf('/w');
    await keyOf('/alone');
    await vault.append(firstTurn('one'));
    for (const path of ['/w', '/alone', '/unknown']) await vault.removeWorkspaceKey(path);
    expect(await vault.workspaceKeys()).toEqual([]);
    await vault.close();
    expect([countOf('workspace'), countOf('workspace_key')]).toEqual([1, 0]);
    vault = await openedVault(directory.path);
    expect((await keyOf('/w')).id).not.toBe(before.id);
    expect((await keyOf('/w')).key).not.toBe(before.key);
  });

  test('stays when the last session of its workspace is deleted, and is that of the next one there', async () => {
    const { sessionId } = await vault.append(firstTurn('one'));
    const before = await keyOf('/w');
    const { sessionId: elsewhere } = await vault.append(firstTurn('two', { workspace: '/without' }));
    for (const id of [sessionId, elsewhere]) await vault.deleteSession(ulid(), id, 'delete');
    expect(await vault.workspaceKeys()).toEqual([{ path: '/w', id: before.id }]);
    await change(() => undefined);
    await vault.append(firstTurn('three'));
    expect(await keyOf('/w')).toEqual(before);
    await vault.close();
    expect([countOf('workspace'), countOf('workspace_key')]).toEqual([1, 1]);
    vault = await openedVault(directory.path);
  });

  test('reaches the main thread from that of the vault', async () => {
    const { key, id } = await vault.workspaceKey('/w');
    await vault.close();
    const deaths: string[] = [];
    const parts = { onDeath: (reason: string) => deaths.push(reason), onUnexpected: () => undefined };
    const program = join(import.meta.dirname, '../../../daemon/vault/worker.ts');
    const thread = connectVault(parts, startVaultThread({ dataDirectory: directory.path }, program));
    await thread.open({ provider: 'keyfile' });
    const received = await thread.workspaceKey('/w');
    expect([received.id, received.key.equals(key)]).toEqual([id, true]);
    await thread.close();
    expect(deaths).toEqual([]);
    vault = await openedVault(directory.path);
  });

  test('is in no file, nor is the path of its workspace', async () => {
    const path = '/home/Qz7keyCanaryTw40';
    const { key } = await vault.workspaceKey(path);
    await vault.close();
    const raw = key.export().toString('latin1');
    expect(findTexts(everythingBelow(directory.path), { path, raw })).toEqual([]);
    vault = await openedVault(directory.path);
  });
});

describe('the key of a workspace that was changed without the key of the store', () => {
  const CHANGES: Readonly<Record<string, string>> = {
    'its directory was changed': `UPDATE workspace_key SET directory = '${'0'.repeat(32)}' WHERE workspace = 1`,
    'its directory is a path': "UPDATE workspace_key SET directory = '../../elsewhere' WHERE workspace = 1",
    'its directory is of another type':
      'UPDATE workspace_key SET directory = CAST(directory AS BLOB) WHERE workspace = 1',
    'it was exchanged for that of another':
      'UPDATE workspace_key SET key = (SELECT key FROM workspace_key WHERE workspace = 2) WHERE workspace = 1',
    'it is gone': "UPDATE workspace_key SET key = x'' WHERE workspace = 1",
    'it is a text': "UPDATE workspace_key SET key = 'key' WHERE workspace = 1",
  };

  test.each(Object.entries(CHANGES))('is refused with what can be done where %s', async (_what, statement) => {
    await keyOf('/w');
    const other = await keyOf('/other');
    await change((db) => db.exec(statement));
    await expect(vault.workspaceKey('/w')).rejects.toMatchObject({
      kind: 'TAMPERED',
      message: expect.stringContaining('/w') as string,
      hint: expect.stringContaining('backup') as string,
    });
    expect(await keyOf('/other')).toEqual(other);
    expect(await vault.workspaceKeys()).toEqual([{ path: '/other', id: other.id }]);
    expect((await vault.verifyRest()).problems).toEqual(['1 of the keys of snapshots do not verify']);
  });

  test('is refused where whole rows changed places', async () => {
    await keyOf('/w');
    await keyOf('/other');
    await change((db) => {
      const rows = rowsOf(db, 'SELECT * FROM workspace_key ORDER BY workspace');
      db.exec('DELETE FROM workspace_key');
      putBack(
        db,
        'workspace_key',
        rows.map((row, index) => ({ ...row, workspace: rows[1 - index]?.['workspace'] })),
      );
    });
    for (const path of ['/w', '/other']) {
      await expect(vault.workspaceKey(path)).rejects.toMatchObject({ kind: 'TAMPERED' });
    }
    expect(await vault.workspaceKeys()).toEqual([]);
  });

  test('is not that of another path which had the same number before', async () => {
    const { sessionId } = await vault.append(firstTurn('one', { workspace: '/before' }));
    let old: ReturnType<typeof rowsOf> = [];
    await change((db) => (old = rowsOf(db, 'SELECT * FROM workspace')));
    await vault.deleteSession(ulid(), sessionId, 'delete');
    await keyOf('/w');
    await change((db) => {
      putBack(db, 'workspace', old);
    });
    await expect(vault.workspaceKey('/before')).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect(await vault.workspaceKeys()).toEqual([]);
  });

  test('is found by a check where the path of its workspace cannot be read, and lends itself to nobody', async () => {
    const before = await keyOf('/w');
    await change((db) => {
      flip(db, 'workspace', 'path', 'true');
    });
    expect(await vault.workspaceKeys()).toEqual([]);
    expect((await vault.verifyRest()).problems).toEqual([
      '1 of the directories of sessions do not verify',
      '1 of the keys of snapshots do not verify',
    ]);
    expect((await keyOf('/w')).id).not.toBe(before.id);
    await expect(vault.workspaceKey('')).rejects.toMatchObject({ kind: 'TAMPERED' });
  });
});
