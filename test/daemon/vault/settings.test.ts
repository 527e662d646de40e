/** Mode and agent in heads and saves, and the kinds of entries that a reader wants. */
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewEntry, VaultPort } from '../../../daemon/services/ports.ts';
import type { DurableEventType } from '../../../protocol/event.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
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

async function change(how: Parameters<typeof changeRows>[2]): Promise<void> {
  vault = await changeRows(vault, directory.path, how);
}

const SETTINGS = { mode: 'auto-edit', agent: 'tester' } as const;

async function session(settings: object = SETTINGS): Promise<string> {
  const request = firstTurn('one');
  const create = { workspace: '/w', model: 'demo/offline', title: 'one', ...settings };
  return (await vault.append({ ...request, create })).sessionId;
}

function fork(source: { sessionId: string } | { saveId: string }, settings: object): Promise<{ sessionId: string }> {
  const newId = ulid();
  const parent = { sessionId: newId, turn: 1 };
  const origin = { seq: 4, messages: 2, turns: 1, title: 'fork', model: 'demo/offline', entries: [], patch: {} };
  return vault.fork({ opId: ulid(), source, newId, parent, fingerprint: newId, ...origin, ...settings });
}

function save(sessionId: string, settings: object): ReturnType<VaultPort['createSave']> {
  const position = { seq: 4, turn: 1, messages: 2, model: 'demo/offline', at: 1 };
  return vault.createSave({ opId: ulid(), sessionId, wantedId: 's', fingerprint: ulid(), ...position, ...settings });
}

describe('mode and agent', () => {
  test('are ask and none unless others are chosen, and stay until others are', async () => {
    const plain = await session({});
    const id = await session();
    expect(await vault.head(plain)).toMatchObject({ mode: 'ask', agent: '' });
    await vault.append(nextTurn(id, 2, 'on'));
    await change(() => undefined);
    expect(await vault.head(id)).toMatchObject(SETTINGS);
    await vault.append({ ...nextTurn(id, 3, 'on'), patch: { mode: 'full' } });
    expect(await vault.head(id)).toMatchObject({ mode: 'full', agent: 'tester' });
    await vault.append({ ...nextTurn(id, 4, 'on'), patch: { agent: '' } });
    await change(() => undefined);
    expect(await vault.head(id)).toMatchObject({ mode: 'full', agent: '' });
    const { heads } = await vault.list({ archived: 'exclude', limit: 10 });
    expect(heads.map(({ mode }) => mode).toSorted()).toEqual(['ask', 'full']);
  });

  test('are carried by a fork and a save, each with its own', async () => {
    const id = await session();
    const kept = await save(id, { mode: 'full', agent: 'saved' });
    const plain = await save(id, {});
    const forked = await fork({ sessionId: id }, { mode: 'full', agent: 'forked' });
    const resumed = await fork({ saveId: kept.id }, { mode: kept.mode, agent: kept.agent });
    await change(() => undefined);
    expect(await vault.save(kept.id)).toMatchObject({ mode: 'full', agent: 'saved' });
    expect(await vault.save(plain.id)).toMatchObject({ mode: 'ask', agent: '' });
    expect(await vault.head(forked.sessionId)).toMatchObject({ mode: 'full', agent: 'forked' });
    expect(await vault.head(resumed.sessionId)).toMatchObject({ mode: 'full', agent: 'saved' });
    expect(await vault.head(id)).toMatchObject(SETTINGS);
    await vault.deleteSession(ulid(), id, 'keep');
    expect(await vault.save(kept.id)).toMatchObject({ mode: 'full', agent: 'saved' });
  });

  test('are not believed when a byte of them was flipped', async () => {
    const [id, whole] = [await session(), await session()];
    const kept = await save(id, SETTINGS);
    await change((db) => {
      flip(db, 'save', 'details', 'true');
    });
    await expect(vault.save(kept.id)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect((await vault.verify(id)).problems).toEqual(['the save damaged-1 does not verify']);
    await change((db) => {
      flip(db, 'session', 'details', `id = '${id}'`);
    });
    await expect(vault.head(id)).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect((await vault.verify(id)).problems).not.toEqual([]);
    expect(await vault.head(whole)).toMatchObject(SETTINGS);
  });
});

describe('a reader that wants some kinds of entries', () => {
  const TYPES: readonly DurableEventType[] = ['call', 'approval', 'message', 'summary', 'retry', 'settings', 'title'];

  function entries(round: number): NewEntry[] {
    return TYPES.map((type) => ({
      type,
      turn: 1,
      at: 1,
      body: `{"n":"${type} ${round}"}`,
      isMessage: type === 'message',
    }));
  }

  async function kinds(
    sessionId: string,
    only: readonly DurableEventType[],
    limit: number,
    before?: number,
  ): Promise<string[]> {
    const from = before === undefined ? { after: 4 } : { before };
    const page = await vault.read({ sessionId, ...from, limit, maxBytes: 1e9, only });
    return page.entries.map(({ body }) => (JSON.parse(body) as { n: string }).n);
  }

  test('gets those, in order, in either direction, across the segments of a fork', async () => {
    const id = await session();
    await vault.append({ opId: ulid(), sessionId: id, entries: entries(1), patch: {} });
    const { sessionId } = await fork({ sessionId: id }, { seq: 11, messages: 3, entries: entries(2) });
    await change(() => undefined);
    const calls = ['call 1', 'approval 1', 'call 2', 'approval 2'];
    expect(await kinds(sessionId, ['approval', 'call'], 100)).toEqual(calls);
    expect(await kinds(sessionId, ['approval', 'call'], 3)).toEqual(calls.slice(0, 3));
    expect(await kinds(sessionId, ['approval', 'call'], 3, 1000)).toEqual(calls.slice(1));
    expect(await kinds(sessionId, ['summary'], 1, 1000)).toEqual(['summary 2']);
    expect(await kinds(sessionId, ['retry', 'title', 'settings'], 100)).toHaveLength(6);
    expect(await kinds(sessionId, TYPES, 100)).toHaveLength(14);
    expect(await kinds(sessionId, ['cutoff'], 100)).toEqual([]);
    expect(await kinds(sessionId, [], 100)).toEqual([]);
    const page = { sessionId, limit: 100, maxBytes: 1e9, only: ['call'] as const };
    expect((await vault.read({ ...page, after: 0, upTo: 11 })).entries).toHaveLength(1);
    expect(await vault.read({ ...page, after: 0, limit: 1 })).toMatchObject({ more: true });
    expect(await vault.read({ ...page, after: 0, limit: 2 })).toMatchObject({ more: false });
  });

  test('is told of damage also among the entries it does not want', async () => {
    const id = await session();
    await vault.append({ opId: ulid(), sessionId: id, entries: entries(1), patch: {} });
    await change((db) => {
      flip(db, 'entry', 'body', 'seq = 7');
    });
    await expect(kinds(id, ['call', 'summary'], 100)).rejects.toMatchObject({ kind: 'TAMPERED' });
  });
});
