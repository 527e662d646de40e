import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { writeOutput, wholeOutput } from './support/output-calls.ts';
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

async function reopen(): Promise<void> {
  await vault.close();
  vault = await openedVault(directory.path);
}

async function change(how: Parameters<typeof changeRows>[2]): Promise<void> {
  vault = await changeRows(vault, directory.path, how);
}

async function session(): Promise<string> {
  return (await vault.append(firstTurn('one'))).sessionId;
}

const write = (sessionId: string, callId: string, texts: readonly string[], from = 0): Promise<void> =>
  writeOutput(vault, sessionId, callId, texts, from);
const whole = (sessionId: string, callId: string, maxBytes = 1): Promise<string> =>
  wholeOutput(vault, sessionId, callId, maxBytes);

function rows(): number {
  return withRows(directory.path, (db) => db.prepare<[], number>('SELECT count(*) FROM output').pluck().get() ?? -1);
}

function isThere(sessionId: string): Promise<boolean> {
  return vault.head(sessionId).then(
    () => true,
    () => false,
  );
}

function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function forkAt(sessionId: string, turn: number): Promise<string> {
  const { seq, messages } = await vault.endOfTurn(sessionId, turn);
  const newId = ulid();
  await vault.fork({
    opId: ulid(),
    source: { sessionId },
    seq,
    messages,
    newId,
    parent: { sessionId, turn },
    turns: turn,
    title: 'fork',
    model: 'demo/offline',
    entries: [],
    patch: {},
    fingerprint: newId,
  });
  return newId;
}

function saveAt(sessionId: string, seq: number): ReturnType<VaultPort['createSave']> {
  const wantedId = `2025-07-04_12-30_${seq}`;
  const position = { seq, turn: 1, messages: 2, model: 'demo/offline', at: 1 };
  return vault.createSave({ opId: ulid(), sessionId, wantedId, fingerprint: wantedId, ...position });
}

describe('the output of a call', () => {
  test('is read as it was written, in pages of whole stretches, also after the store was closed', async () => {
    const id = await session();
    await write(id, 'call', ['one ', 'zwei ü ', '', 'drei €', ' 4']);
    await write(id, 'other', ['other']);
    await reopen();
    expect(await vault.readOutput(id, 'call', 0, 1e6)).toEqual({ text: 'one zwei ü drei € 4', nextOffset: null });
    expect(await vault.readOutput(id, 'call', 0, 6)).toEqual({ text: 'one ', nextOffset: 4 });
    expect(await vault.readOutput(id, 'call', 0, 12)).toEqual({ text: 'one zwei ü ', nextOffset: 12 });
    expect(await whole(id, 'call')).toBe('one zwei ü drei € 4');
    expect(await whole(id, 'other')).toBe('other');
    expect((await vault.verify(id)).problems).toEqual([]);
  });

  test('is read from any byte on, and nothing stands behind its end', async () => {
    const id = await session();
    await write(id, 'call', ['abc', 'dü€f']);
    expect(await vault.readOutput(id, 'call', 1, 2)).toEqual({ text: 'bc', nextOffset: 3 });
    expect((await vault.readOutput(id, 'call', 5, 100)).text).toBe('€f');
    expect((await vault.readOutput(id, 'call', 10, 100)).text).toBe('');
    expect(await vault.readOutput(id, 'call', 9, 100)).toEqual({ text: 'f', nextOffset: null });
    expect(await vault.readOutput(id, 'call', 1000, 100)).toEqual({ text: '', nextOffset: null });
    await expect(vault.readOutput(id, 'nobody', 0, 100)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await expect(vault.readOutput(ulid(), 'call', 0, 100)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  });

  test('holds each stretch once, however often it is sent, and none without the one before it', async () => {
    const id = await session();
    await write(id, 'call', ['one', 'two']);
    await write(id, 'call', ['ONE', 'TWO', ' three']);
    await reopen();
    await write(id, 'call', ['two', ' three', ' four'], 1);
    await expect(vault.appendOutput(id, { callId: 'call', index: 9, text: 'x' })).rejects.toMatchObject({
      kind: 'CONFLICT',
    });
    const together = ['c', 'a', 'b'].map((text, index) => vault.appendOutput(id, { callId: 'more', index, text }));
    await Promise.all([...together, vault.appendOutput(id, { callId: 'more', index: 1, text: 'again' })]);
    expect(await whole(id, 'call')).toBe('onetwo three four');
    expect(await whole(id, 'more')).toBe('cab');
  });

  test('stays right when another call of its group fails', async () => {
    const id = await session();
    const stretches = ['a', 'b', 'c'].map((text, index) => vault.appendOutput(id, { callId: 'call', index, text }));
    const bad = vault.appendOutput(ulid(), { callId: 'call', index: 0, text: 'x' });
    const late = vault.appendOutput(id, { callId: 'call', index: 3, text: 'd' });
    await expect(bad).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await Promise.all([...stretches, late]);
    expect(await whole(id, 'call')).toBe('abcd');
  });

  test('takes no stretch that would hold everybody up, and gives no such page', async () => {
    const id = await session();
    const long = { callId: 'call', index: 0, text: 'x'.repeat(256 * 1024 + 1) };
    await expect(vault.appendOutput(id, long)).rejects.toMatchObject({ kind: 'INVALID_PARAMS' });
    await write(
      id,
      'call',
      Array.from({ length: 20 }, () => 'x'.repeat(128 * 1024)),
    );
    const page = await vault.readOutput(id, 'call', 0, 1e9);
    expect([page.text.length, page.nextOffset]).toEqual([1024 * 1024, 1024 * 1024]);
    expect((await whole(id, 'call', 1e9)).length).toBe(20 * 128 * 1024);
  });
});

describe('the output of a call that others share', () => {
  test('is read by a fork as far as it had come, and goes on without it', async () => {
    const id = await session();
    await write(id, 'call', ['one ', 'two ']);
    const fork = await forkAt(id, 1);
    await write(id, 'call', ['three ', 'four '], 2);
    const second = await forkAt(id, 1);
    await vault.append(nextTurn(id, 2, 'two'));
    await write(id, 'call', ['five '], 4);
    const third = await forkAt(id, 2);
    await write(id, 'call', ['six'], 5);
    await reopen();
    expect(await whole(id, 'call')).toBe('one two three four five six');
    expect(await whole(fork, 'call')).toBe('one two ');
    expect(await whole(second, 'call')).toBe('one two ');
    expect(await whole(third, 'call')).toBe('one two three four five ');
    for (const one of [id, fork, second, third]) expect((await vault.verify(one)).problems).toEqual([]);
  });

  test('is still read by a fork when the session that wrote it is gone, and what came later is gone', async () => {
    const id = await session();
    await write(id, 'early', ['early ', 'bird']);
    await vault.append(nextTurn(id, 2, 'two'));
    await write(id, 'late', ['late']);
    await write(id, 'early', [' later'], 2);
    const fork = await forkAt(id, 1);
    expect(await whole(fork, 'early')).toBe('early bird');
    expect(await whole(id, 'early')).toBe('early bird later');
    expect((await vault.verify(fork)).problems).toEqual([]);
    await vault.deleteSession(ulid(), id, 'delete');
    expect(await whole(fork, 'early')).toBe('early bird');
    await expect(vault.readOutput(fork, 'late', 0, 10)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect((await vault.verify(fork)).problems).toEqual([]);
    await vault.close();
    expect(rows()).toBe(2);
    vault = await openedVault(directory.path);
    await vault.deleteSession(ulid(), fork, 'delete');
    await vault.close();
    expect(rows()).toBe(0);
    vault = await openedVault(directory.path);
  });

  test('is kept for a save when its session is gone, and goes with the save', async () => {
    const id = await session();
    await write(id, 'call', ['one ', 'two']);
    const save = await saveAt(id, 4);
    await vault.append(nextTurn(id, 2, 'two'));
    await write(id, 'call', [' three'], 2);
    await vault.deleteSession(ulid(), id, 'keep');
    const newId = ulid();
    await vault.fork({
      opId: ulid(),
      source: { saveId: save.id },
      seq: save.seq,
      messages: 2,
      newId,
      parent: { sessionId: id, turn: 1 },
      turns: 1,
      title: 'resumed',
      model: 'demo/offline',
      entries: [],
      patch: {},
      fingerprint: newId,
    });
    expect(await whole(newId, 'call')).toBe('one two');
    await vault.deleteSession(ulid(), newId, 'delete');
    await vault.deleteSave(ulid(), save.id);
    await vault.close();
    expect(rows()).toBe(0);
    vault = await openedVault(directory.path);
  });

  test.each([0, 1, 2, 3, 5, 8, 13, 21])(
    'is whole for a fork, and gone for the rest, when the deletion was cut short after %i slices',
    async (slices) => {
      const id = await session();
      const lines = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(100_000)}\n`);
      await write(id, 'early', lines);
      await vault.append(nextTurn(id, 2, 'two'));
      await write(id, 'late', lines.slice(0, 10));
      const fork = await forkAt(id, 1);
      const deleting = vault.deleteSession(ulid(), id, 'delete').catch((error: unknown) => error);
      while (await isThere(id)) await nextSlice();
      for (let slice = 0; slice < slices; slice += 1) await nextSlice();
      await reopen();
      await deleting;
      expect(await isThere(id)).toBe(false);
      expect((await whole(fork, 'early', 1e9)) === lines.join('')).toBe(true);
      // What erases runs one after the other: this one ends when the rest of the first has.
      await vault.deleteSession(ulid(), await session(), 'delete');
      expect((await whole(fork, 'early', 1e9)) === lines.join('')).toBe(true);
      expect((await vault.verify(fork)).problems).toEqual([]);
      await vault.close();
      expect(rows()).toBe(lines.length);
      vault = await openedVault(directory.path);
    },
  );

  test('that does not verify keeps nothing of the deleted rest alive and is still seen to be damaged', async () => {
    const id = await session();
    await write(id, 'call', ['one ', 'two']);
    await vault.append(nextTurn(id, 2, 'two'));
    await write(id, 'late', ['late']);
    const fork = await forkAt(id, 1);
    await change((db) => {
      flip(db, 'output', 'body', "call = 'call' AND stretch = 1");
    });
    await vault.deleteSession(ulid(), id, 'delete');
    expect(await vault.readOutput(fork, 'call', 0, 1)).toEqual({ text: 'one ', nextOffset: 4 });
    await expect(vault.readOutput(fork, 'call', 4, 1)).rejects.toMatchObject({ kind: 'TAMPERED' });
    await vault.close();
    expect(rows()).toBe(2);
    vault = await openedVault(directory.path);
  });
});
