import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ForkRequest, VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, messageEntry, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { changeRows, flip, withRows } from './support/stored-rows.ts';

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

/** The stored row, while nobody has the store open. */
function stored(): Buffer[] {
  return withRows(directory.path, (db) => db.prepare<[], Buffer>('SELECT body FROM environment').pluck().all());
}

async function storedWhileClosed(): Promise<Buffer[]> {
  let rows: Buffer[] = [];
  await change((db) => {
    rows = db.prepare<[], Buffer>('SELECT body FROM environment').pluck().all();
  });
  return rows;
}

function forkOf(sessionId: string, environment?: string): ForkRequest {
  const newId = ulid();
  return {
    opId: ulid(),
    source: { sessionId },
    seq: 4,
    messages: 2,
    newId,
    parent: { sessionId, turn: 1 },
    turns: 1,
    title: 'fork',
    model: 'demo/offline',
    entries: [],
    patch: {},
    fingerprint: newId,
    ...(environment === undefined ? {} : { environment }),
  };
}

test('variables come with a session, a turn, a queued prompt or a fork, and stay until others come', async () => {
  const { sessionId } = await vault.append({ ...firstTurn('one'), environment: '{"A":"1"}' });
  const { sessionId: without } = await vault.append(firstTurn('two'));
  expect(await vault.environment(sessionId)).toBe('{"A":"1"}');
  expect(await vault.environment(without)).toBeNull();
  await vault.append(nextTurn(sessionId, 2, 'on'));
  await change(() => undefined);
  expect(await vault.environment(sessionId)).toBe('{"A":"1"}');
  await vault.append({ ...nextTurn(sessionId, 3, 'on'), environment: '{"A":"2"}' });
  expect(await vault.environment(sessionId)).toBe('{"A":"2"}');
  const waits = { opId: ulid(), sessionId, at: 1, body: '{}', fingerprint: 'q', environment: '{"A":"3"}' };
  const { turn } = await vault.enqueue(waits);
  expect(await vault.environment(sessionId)).toBe('{"A":"3"}');
  const entries = [messageEntry(turn, 'user', 'queued')];
  await vault.append({ opId: waits.opId, sessionId, entries, patch: {}, fromQueue: turn, environment: '{"A":"4"}' });
  expect(await vault.environment(sessionId)).toBe('{"A":"4"}');
  const fork = await vault.fork(forkOf(sessionId, '{"A":"5"}'));
  const bare = await vault.fork(forkOf(sessionId));
  await change(() => undefined);
  expect(await vault.environment(fork.sessionId)).toBe('{"A":"5"}');
  expect(await vault.environment(bare.sessionId)).toBeNull();
  expect(await vault.environment(sessionId)).toBe('{"A":"4"}');
  await expect(vault.environment(ulid())).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  for (const id of [sessionId, without, fork.sessionId, bare.sessionId]) {
    expect((await vault.verify(id)).problems).toEqual([]);
  }
});

test('the same variables are not written again', async () => {
  const { sessionId } = await vault.append({ ...firstTurn('one'), environment: '{"A":"1"}' });
  const before = await storedWhileClosed();
  await vault.append({ ...nextTurn(sessionId, 2, 'on'), environment: '{"A":"1"}' });
  expect(await storedWhileClosed()).toEqual(before);
  await vault.append({ ...nextTurn(sessionId, 3, 'on'), environment: '{"A":"2"}' });
  expect(await storedWhileClosed()).not.toEqual(before);
});

test('a repeated operation changes no variables, and a refused one leaves none', async () => {
  const request = { ...firstTurn('one'), fingerprint: 'f', environment: '{"A":"1"}' };
  const { sessionId } = await vault.append(request);
  await vault.append({ ...nextTurn(sessionId, 2, 'on'), environment: '{"A":"2"}' });
  expect(await vault.append(request)).toMatchObject({ repeated: true });
  expect(await vault.environment(sessionId)).toBe('{"A":"2"}');
  const refused = vault.append({ ...request, fingerprint: 'other', environment: '{"A":"3"}' });
  await expect(refused).rejects.toMatchObject({ kind: 'CONFLICT' });
  expect(await vault.environment(sessionId)).toBe('{"A":"2"}');
});

test('variables go with their session', async () => {
  const { sessionId } = await vault.append({ ...firstTurn('one'), environment: '{"A":"1"}' });
  await vault.deleteSession(ulid(), sessionId, 'delete');
  await vault.close();
  expect(stored()).toEqual([]);
  vault = await openedVault(directory.path);
});

test('variables that were changed, exchanged, removed or put back from earlier are not believed', async () => {
  const ids: Record<string, string> = {};
  for (const name of ['flipped', 'exchanged', 'removed', 'old', 'added', 'whole']) {
    const environment = name === 'added' ? {} : { environment: `{"NAME":"${name}"}` };
    ids[name] = (await vault.append({ ...firstTurn(name), ...environment })).sessionId;
  }
  const number = (name: string): string => `(SELECT number FROM session WHERE id = '${ids[name] ?? ''}')`;
  let old: Buffer | undefined;
  await change((db) => {
    old = db
      .prepare<[], Buffer>(`SELECT body FROM environment WHERE session = ${number('old')}`)
      .pluck()
      .get();
  });
  await vault.append({ ...nextTurn(ids['old'] ?? '', 2, 'on'), environment: '{"NAME":"new"}' });
  await change((db) => {
    flip(db, 'environment', 'body', `session = ${number('flipped')}`);
    const exchanged = `(SELECT body FROM environment WHERE session = ${number('whole')})`;
    db.exec(`UPDATE environment SET body = ${exchanged} WHERE session = ${number('exchanged')}`);
    db.exec(`DELETE FROM environment WHERE session = ${number('removed')}`);
    db.prepare(`UPDATE environment SET body = ? WHERE session = ${number('old')}`).run(old);
    db.exec(`INSERT INTO environment(session, body) VALUES (${number('added')}, ${exchanged})`);
  });
  for (const name of ['flipped', 'exchanged', 'removed', 'old']) {
    await expect(vault.environment(ids[name] ?? '')).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect((await vault.verify(ids[name] ?? '')).problems).toEqual(['the environment for commands does not verify']);
  }
  expect(await vault.environment(ids['added'] ?? '')).toBeNull();
  expect(await vault.environment(ids['whole'] ?? '')).toBe('{"NAME":"whole"}');
  const repaired = { ...nextTurn(ids['flipped'] ?? '', 2, 'on'), environment: '{"NAME":"again"}' };
  await vault.append(repaired);
  expect(await vault.environment(ids['flipped'] ?? '')).toBe('{"NAME":"again"}');
});
