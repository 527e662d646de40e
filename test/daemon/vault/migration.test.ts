/** A store of every earlier release opens with all that is in it, and has room for what came later. */
import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { openDatabase } from '../../../daemon/vault/database.ts';
import { Custody } from '../../../daemon/vault/keys/custody.ts';
import { MIGRATIONS, listBackups } from '../../../daemon/vault/migrations.ts';
import { assembleStore } from '../../../daemon/vault/open-store.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { asSchema } from './support/old-schema.ts';
import { withRows } from './support/stored-rows.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let vault: VaultPort | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(async () => {
  await vault?.close();
  vault = undefined;
  directory.remove();
});

async function reading(opened: VaultPort, sessionId: string): Promise<unknown> {
  const { entries } = await opened.read({ sessionId, after: 0, limit: 100, maxBytes: 1e9 });
  return [entries, await opened.head(sessionId), await opened.readQueue(sessionId), await opened.readDrafts(sessionId)];
}

/** A store with something in every table of the first schema. @returns what it holds. */
async function fill(opened: VaultPort): Promise<{ sessionId: string; fork: string; save: string }> {
  const { sessionId } = await opened.append(firstTurn('one'));
  await opened.append(nextTurn(sessionId, 2, 'two'));
  const fork = ulid();
  const origin = { seq: 4, messages: 2, turns: 1, title: 'fork', model: 'demo/offline', entries: [], patch: {} };
  const parent = { sessionId, turn: 1 };
  await opened.fork({ opId: ulid(), source: { sessionId }, newId: fork, parent, fingerprint: 'f', ...origin });
  const position = { seq: 4, turn: 1, messages: 2, model: 'demo/offline', at: 1 };
  const save = await opened.createSave({ opId: ulid(), sessionId, wantedId: 's', fingerprint: 's', ...position });
  await opened.enqueue({ opId: ulid(), sessionId, at: 1, body: '{"parts":[]}', fingerprint: 'q' });
  await opened.appendDraft(sessionId, { turn: 2, step: 1, chunk: 1, text: 'ab', reasoning: '' });
  await opened.setSecret('key', 'value');
  await opened.addHistory('a line', null);
  return { sessionId, fork, save: save.id };
}

/**
 * Seals heads and saves anew without what they did not say in the first release. The file is the one of a vault that is
 * closed.
 */
async function forgetSettings(ids: readonly string[], save: string): Promise<void> {
  const db = openDatabase(join(directory.path, 'store', 'm.db'), 'open');
  const { keys } = await new Custody(db, directory.path).open({ provider: 'keyfile' });
  if (keys === undefined) throw new Error('the store cannot be opened with its key');
  const store = assembleStore(db, keys, directory.path);
  const nothing = { mode: undefined, agent: undefined, environment: undefined };
  for (const id of ids) store.sessions.write(Object.assign(store.sessions.load(id), nothing));
  const kept = store.saves.load(save);
  store.saves.replaceUses(Object.assign({ ...kept }, nothing), kept.uses);
  db.close();
}

const EARLIER = MIGRATIONS.slice(1).map((_, index) => index + 1);

test.each(EARLIER)('a store of schema %i opens with its content, after a copy of it was made', async (version) => {
  let opened = await openedVault(directory.path);
  const { sessionId, fork, save } = await fill(opened);
  const before = [await reading(opened, sessionId), await reading(opened, fork)];
  const savedBefore = await opened.save(save);
  await opened.close();
  await forgetSettings([sessionId, fork], save);
  asSchema(directory.path, version);
  const tables = (dataDirectory: string): string[] =>
    withRows(dataDirectory, (db) =>
      db
        .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .pluck()
        .all(),
    );
  expect(tables(directory.path)).not.toContain('workspace_key');

  opened = await openedVault(directory.path);
  vault = opened;
  expect([await reading(opened, sessionId), await reading(opened, fork)]).toEqual(before);
  expect(await opened.save(save)).toEqual(savedBefore);
  expect(await opened.head(sessionId)).toMatchObject({ mode: 'ask', agent: '' });
  expect(await opened.save(save)).toMatchObject({ mode: 'ask', agent: '' });
  expect([await opened.secret('key'), await opened.history(1)]).toEqual(['value', ['a line']]);
  expect([await opened.environment(sessionId), await opened.processes(), await opened.rules()]).toEqual([null, [], []]);
  expect(await opened.workspaceKeys()).toEqual([]);
  for (const id of [sessionId, fork]) expect((await opened.verify(id)).problems).toEqual([]);

  // What came later has room in it.
  await opened.appendOutput(fork, { callId: 'call', index: 0, text: 'output' });
  await opened.addRule({ workspace: '/w', sessionId: fork, effect: 'command', subject: 'make', createdAt: 1 });
  const { id } = await opened.workspaceKey('/w');
  expect(await opened.workspaceKeys()).toEqual([{ path: '/w', id }]);
  await opened.append({ ...nextTurn(fork, 2, 'on'), environment: '{}', patch: { mode: 'full', agent: 'tester' } });
  expect(await opened.head(fork)).toMatchObject({ mode: 'full', agent: 'tester' });
  expect((await opened.verify(fork)).problems).toEqual([]);

  // The copy is a store of the earlier schema with the same content.
  const [backup] = listBackups(join(directory.path, 'store', 'backups'));
  expect(statSync(backup?.file ?? '').mode & 0o777).toBe(0o600);
  const other = temporaryDirectory();
  mkdirSync(join(other.path, 'store'), { mode: 0o700 });
  copyFileSync(backup?.file ?? '', join(other.path, 'store', 'm.db'));
  copyFileSync(join(directory.path, 'key'), join(other.path, 'key'));
  expect(tables(other.path)).not.toContain('workspace_key');
  const earlier = await openedVault(other.path);
  expect([await reading(earlier, sessionId), await reading(earlier, fork)]).toEqual(before);
  await earlier.close();
  other.remove();

  const { backups } = await opened.deleteSession(ulid(), sessionId, 'keep');
  expect(backups).toEqual([backup?.file]);
});

test('a store of the present schema is opened without a copy', async () => {
  await (await openedVault(directory.path)).close();
  vault = await openedVault(directory.path);
  expect(listBackups(join(directory.path, 'store', 'backups'))).toEqual([]);
});
