import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import type { ReadResult, VaultPort } from '../../../daemon/services/ports.ts';
import {
  firstTurn,
  messageEntry,
  nextTurn,
  openedVault,
  temporaryDirectory,
  turnEntry,
} from '../../support/direct-vault.ts';

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

async function reopen(): Promise<void> {
  await vault.close();
  vault = await openedVault(directory.path);
}

function texts(result: ReadResult): string[] {
  return result.entries
    .filter((entry) => entry.type === 'message')
    .map((entry) => (JSON.parse(entry.body) as { parts: { text: string }[] }).parts[0]?.text ?? '');
}

async function all(sessionId: string): Promise<string[]> {
  return texts(await vault.read({ sessionId, after: 0, limit: 1000, maxBytes: 1e9 }));
}

describe('the log of a session', () => {
  test('is there again, in order, after the store was closed', async () => {
    const { sessionId } = await vault.append(firstTurn('one'));
    await vault.append(nextTurn(sessionId, 2, 'two'));
    await reopen();
    expect(await all(sessionId)).toEqual(['one', 'answer to one', 'two', 'answer to two']);
    expect(await vault.verify(sessionId)).toEqual({ entries: 8, problems: [] });
    expect(await vault.head(sessionId)).toMatchObject({
      turns: 2,
      messages: 4,
      lastSeq: 8,
      inputTokens: 3,
      outputTokens: 5,
      title: 'one',
      workspace: '/w',
      model: 'demo/offline',
    });
  });

  test('is read in pages, forwards and backwards, by number and by size', async () => {
    const { sessionId } = await vault.append(firstTurn('1'));
    for (let turn = 2; turn <= 10; turn += 1) await vault.append(nextTurn(sessionId, turn, `${turn}`));
    const last = await vault.read({ sessionId, limit: 3, maxBytes: 1e9, only: ['message'] });
    expect(texts(last)).toEqual(['answer to 9', '10', 'answer to 10']);
    expect(last.more).toBe(true);
    const before = last.entries[0]?.seq ?? 0;
    const page = await vault.read({ sessionId, before, limit: 100, maxBytes: 1e9, only: ['message'] });
    expect(page.entries).toHaveLength(17);
    expect(page.more).toBe(false);
    const small = await vault.read({ sessionId, after: 0, limit: 100, maxBytes: 1 });
    expect(small.entries).toHaveLength(1);
    expect(small.more).toBe(true);
    const rest = await vault.read({ sessionId, after: 36, limit: 100, maxBytes: 1e9 });
    expect(rest.entries.map((entry) => entry.seq)).toEqual([37, 38, 39, 40]);
  });

  test('takes an operation once, however often it is sent', async () => {
    const request = { ...firstTurn('once'), fingerprint: 'a' };
    const first = await vault.append(request);
    const again = await vault.append({ ...request, sessionId: ulid() });
    expect(again).toMatchObject({ sessionId: first.sessionId, firstSeq: 1, lastSeq: 4, turn: 1, repeated: true });
    await reopen();
    expect(await vault.append({ ...request, sessionId: ulid() })).toMatchObject({ repeated: true });
    expect(await vault.countSessions()).toBe(1);
    await expect(vault.append({ ...request, fingerprint: 'b' })).rejects.toMatchObject({ kind: 'CONFLICT' });
  });

  test('keeps the work of others when one call of a group fails', async () => {
    const { sessionId } = await vault.append(firstTurn('one'));
    const good = vault.append(nextTurn(sessionId, 2, 'two'));
    const bad = vault.append(nextTurn(ulid(), 2, 'nobody'));
    const late = vault.append(nextTurn(sessionId, 3, 'three'));
    await expect(bad).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await Promise.all([good, late]);
    await reopen();
    expect(await all(sessionId)).toHaveLength(6);
    expect((await vault.verify(sessionId)).problems).toEqual([]);
  });

  test('holds drafts beside it until the final message replaces them', async () => {
    const { sessionId } = await vault.append(firstTurn('one'));
    await vault.appendDraft(sessionId, { turn: 2, step: 1, chunk: 1, text: 'ab', reasoning: 'r' });
    await vault.appendDraft(sessionId, { turn: 2, step: 1, chunk: 1, text: 'ab', reasoning: 'r' });
    await vault.appendDraft(sessionId, { turn: 2, step: 1, chunk: 2, text: 'cd', reasoning: '' });
    await reopen();
    expect(await vault.readDrafts(sessionId)).toEqual([{ turn: 2, step: 1, text: 'abcd', reasoning: 'r' }]);
    await vault.append({ ...nextTurn(sessionId, 2, 'two'), dropDrafts: true });
    expect(await vault.readDrafts(sessionId)).toEqual([]);
  });
});

describe('prompts that wait', () => {
  test('keep their order and their operation when they join the log', async () => {
    const { sessionId } = await vault.append(firstTurn('one'));
    const prompt = { sessionId, at: 5, fingerprint: 'f', body: '{"parts":[]}' };
    const ids = [ulid(), ulid()];
    for (const opId of ids) await vault.enqueue({ ...prompt, opId });
    expect((await vault.head(sessionId)).turns).toBe(3);
    expect(await vault.cancelQueued(sessionId, 3)).toBe(true);
    await reopen();
    expect(await vault.readQueue(sessionId)).toEqual([
      { opId: ids[0], turn: 2, at: 5, body: '{"parts":[]}', cancelled: false },
      { opId: ids[1], turn: 3, at: 5, body: '{"parts":[]}', cancelled: true },
    ]);
    const entries = [messageEntry(2, 'user', 'two'), turnEntry(2, 'running')];
    const taken = { opId: ids[0] ?? '', sessionId, entries, patch: { status: 'running' as const }, fromQueue: 2 };
    const moved = await vault.append(taken);
    expect(await vault.append(taken)).toMatchObject({
      repeated: true,
      firstSeq: moved.firstSeq,
      lastSeq: moved.lastSeq,
    });
    expect(await vault.readQueue(sessionId)).toHaveLength(1);
    const ended = [turnEntry(2, 'completed')];
    await vault.append({ opId: ulid(), sessionId, entries: ended, patch: { status: 'idle' } });
    expect(await vault.head(sessionId)).toMatchObject({ status: 'queued' });
    expect(await vault.unfinished()).toHaveLength(1);
    expect(await vault.enqueue({ ...prompt, opId: ids[0] ?? '' })).toMatchObject({ turn: 2, repeated: true });
    expect(await vault.enqueue({ ...prompt, opId: ids[1] ?? '' })).toMatchObject({ turn: 3, repeated: true });
    await expect(vault.enqueue({ ...prompt, opId: ids[1] ?? '', fingerprint: 'g' })).rejects.toMatchObject({
      kind: 'CONFLICT',
    });
  });
});

describe('forks and saves', () => {
  async function fork(source: string, turn: number): Promise<string> {
    const { seq, messages } = await vault.endOfTurn(source, turn);
    const forked = await vault.fork({
      opId: ulid(),
      source: { sessionId: source },
      seq,
      messages,
      newId: ulid(),
      parent: { sessionId: source, turn },
      turns: turn,
      title: 'fork',
      model: 'demo/offline',
      entries: [{ type: 'origin', turn, at: 9, body: JSON.stringify({ sessionId: source, turn }), isMessage: false }],
      patch: {},
      fingerprint: `${turn}`,
    });
    return forked.sessionId;
  }

  function save(sessionId: string, wantedId: string, seq: number, turn: number): ReturnType<VaultPort['createSave']> {
    const fingerprint = `${sessionId} ${wantedId}`;
    return vault.createSave({
      opId: ulid(),
      sessionId,
      wantedId,
      seq,
      turn,
      messages: turn * 2,
      model: 'demo/offline',
      fingerprint,
      at: 1,
    });
  }

  test('share the log up to a turn and go on by themselves', async () => {
    const { sessionId } = await vault.append(firstTurn('1'));
    for (let turn = 2; turn <= 5; turn += 1) await vault.append(nextTurn(sessionId, turn, `${turn}`));
    const forked = await fork(sessionId, 3);
    await vault.append(nextTurn(forked, 4, 'other 4'));
    await vault.append(nextTurn(sessionId, 6, '6'));
    await reopen();
    expect(await all(forked)).toEqual([
      '1',
      'answer to 1',
      '2',
      'answer to 2',
      '3',
      'answer to 3',
      'other 4',
      'answer to other 4',
    ]);
    expect(await all(sessionId)).toHaveLength(12);
    const head = await vault.head(forked);
    expect(head).toMatchObject({ messages: 8, turns: 4, inputTokens: 0, parent: { sessionId, turn: 3 } });
    expect((await vault.verify(forked)).problems).toEqual([]);
    expect((await vault.verify(sessionId)).problems).toEqual([]);
  });

  test('survive the deletion of their session, which takes the rest and its keys with it', async () => {
    const { sessionId } = await vault.append(firstTurn('1'));
    for (let turn = 2; turn <= 4; turn += 1) await vault.append(nextTurn(sessionId, turn, `${turn}`));
    const { lastSeq } = await vault.head(sessionId);
    const forked = await fork(sessionId, 2);
    const kept = await save(sessionId, '2025-07-04_12-30', lastSeq, 4);
    await vault.append(nextTurn(sessionId, 5, 'gone'));
    expect(await vault.countSaves(sessionId)).toBe(1);
    expect(await vault.deleteSession(ulid(), sessionId, 'keep')).toEqual({
      savesKept: 1,
      savesDeleted: 0,
      backups: [],
    });
    await expect(vault.head(sessionId)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect(await all(forked)).toHaveLength(4);
    expect(texts(await vault.readSave(kept.id, undefined, 100, 1e9))).toHaveLength(8);
    await vault.deleteSave(ulid(), kept.id);
    await reopen();
    expect(await all(forked)).toEqual(['1', 'answer to 1', '2', 'answer to 2']);
    expect((await vault.verify(forked)).problems).toEqual([]);
    await vault.append(nextTurn(forked, 3, 'on'));
    expect(await all(forked)).toHaveLength(6);
  });

  test('a save gets a suffix when its name is taken, and a repetition gets the same save', async () => {
    const { sessionId } = await vault.append(firstTurn('1'));
    const first = await save(sessionId, '2025-07-04_12-30', 4, 1);
    const second = await save(sessionId, '2025-07-04_12-30', 4, 1);
    expect([first.id, second.id]).toEqual(['2025-07-04_12-30', '2025-07-04_12-30-2']);
    const request = {
      opId: ulid(),
      sessionId,
      wantedId: 'x',
      seq: 4,
      turn: 1,
      messages: 2,
      model: 'm/m',
      fingerprint: 'x',
      at: 3,
    };
    expect(await vault.createSave(request)).toEqual(await vault.createSave(request));
    expect((await vault.listSaves(10, 0)).total).toBe(3);
  });
});

describe('lists', () => {
  test('are newest first, paged, filtered by words and by workspace', async () => {
    for (let index = 1; index <= 7; index += 1) {
      const request = firstTurn(`talk ${index}`, { workspace: index % 2 === 0 ? '/even' : '/odd' });
      await vault.append({ ...request, entries: request.entries.map((entry) => ({ ...entry, at: index })) });
    }
    const page = await vault.list({ archived: 'exclude', limit: 3 });
    expect(page.heads.map((head) => head.title)).toEqual(['talk 7', 'talk 6', 'talk 5']);
    expect(page.total).toBe(7);
    const next = await vault.list({ archived: 'exclude', limit: 10, cursor: page.nextCursor ?? '' });
    expect(next.heads.map((head) => head.title)).toEqual(['talk 4', 'talk 3', 'talk 2', 'talk 1']);
    expect(next.nextCursor).toBeNull();
    const even = await vault.list({ archived: 'exclude', limit: 10, workspace: '/even' });
    expect(even.heads).toHaveLength(3);
    const found = await vault.list({ archived: 'exclude', limit: 10, filter: 'TALK even 4' });
    expect(found.heads.map((head) => head.title)).toEqual(['talk 4']);
    await vault.setFlag(ulid(), found.heads[0]?.id ?? '', 'archived', true);
    expect((await vault.list({ archived: 'exclude', limit: 10 })).heads).toHaveLength(6);
    expect((await vault.list({ archived: 'only', limit: 10 })).heads).toHaveLength(1);
    await expect(vault.list({ archived: 'include', limit: 1, cursor: 'nonsense' })).rejects.toMatchObject({
      kind: 'INVALID_PARAMS',
    });
  });
});

test('a list shows sessions as they are now, whichever lists have shown before', async () => {
  const { sessionId } = await vault.append(firstTurn('first'));
  await vault.append(firstTurn('second'));
  await reopen();
  const shown = async () => (await vault.list({ archived: 'exclude', limit: 2 })).heads.find(isOurs)?.messages;
  const isOurs = ({ id }: { id: string }) => id === sessionId;
  const before = (await shown()) ?? 0;
  await vault.append(nextTurn(sessionId, 2, 'on'));
  expect(await shown()).toBe(before + 2);
  await vault.append(nextTurn(sessionId, 3, 'and on'));
  expect(await shown()).toBe(before + 4);
  await vault.deleteSession(ulid(), sessionId, 'delete');
  const { heads, total, nextCursor } = await vault.list({ archived: 'exclude', limit: 1 });
  expect([heads.length, total, nextCursor]).toEqual([1, 1, null]);
});

describe('small values', () => {
  test('secrets are replaced and removed; history is newest first without repetitions', async () => {
    await vault.setSecret('local', 'one');
    await vault.setSecret('local', 'two');
    expect(await vault.secret('local')).toBe('two');
    await vault.setSecret('local', null);
    expect(await vault.secret('local')).toBeNull();
    for (const line of ['a', 'b', 'b', 'a']) await vault.addHistory(line, null);
    await reopen();
    expect(await vault.history(10)).toEqual(['a', 'b', 'a']);
  });
});
