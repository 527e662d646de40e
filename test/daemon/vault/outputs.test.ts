import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewEntry, VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
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

/** Writes stretches of a call, from an index on. */
async function write(sessionId: string, callId: string, texts: readonly string[], from = 0): Promise<void> {
  for (const [index, text] of texts.entries())
    await vault.appendOutput(sessionId, { callId, index: from + index, text });
}

/** The whole output, page by page. */
async function whole(sessionId: string, callId: string, maxBytes = 1): Promise<string> {
  let text = '';
  let offset: number | null = 0;
  while (offset !== null) {
    const page = await vault.readOutput(sessionId, callId, offset, maxBytes);
    text += page.text;
    offset = page.nextOffset;
  }
  return text;
}

function rows(): number {
  return withRows(directory.path, (db) => db.prepare<[], number>('SELECT count(*) FROM output').pluck().get() ?? -1);
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

function resultEntry(turn: number, callId: string, keptBytes: number): NewEntry {
  const part = { type: 'tool-result', callId, name: 'bash', output: '', isError: false, details: { keptBytes } };
  return { type: 'message', turn, at: 1, isMessage: true, body: JSON.stringify({ role: 'tool', parts: [part] }) };
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

describe('the output of a call that was changed without the key', () => {
  const CHANGES: Readonly<Record<string, string>> = {
    'a stretch is missing at the beginning': "DELETE FROM output WHERE call = 'call' AND stretch = 0",
    'a stretch is missing in the middle': 'DELETE FROM output WHERE stretch = 1',
    'two stretches have changed places': `UPDATE output SET body =
      (SELECT body FROM output AS o WHERE o.call = output.call AND o.stretch = 3 - output.stretch)
      WHERE call = 'call' AND stretch IN (1, 2)`,
    'a stretch was given to another call': `UPDATE output SET body = (SELECT body FROM output WHERE call = 'other' AND stretch = 1)
      WHERE call = 'call' AND stretch = 1`,
    'a stretch is counted differently': 'UPDATE output SET stretch = stretch + 5 WHERE stretch = 2',
    'a stretch begins elsewhere': 'UPDATE output SET first_byte = first_byte + 1 WHERE stretch = 2',
    'a stretch has another length': 'UPDATE output SET bytes = bytes - 1 WHERE stretch = 1',
    'a stretch came at another time': 'UPDATE output SET seq = seq - 1 WHERE stretch = 1',
    'a stretch was cut': 'UPDATE output SET body = substr(body, 1, length(body) - 1) WHERE stretch = 1',
    'a stretch is a text': "UPDATE output SET body = 'plain' WHERE stretch = 1",
    'a column is a text': "UPDATE output SET bytes = 'many' WHERE stretch = 1",
  };

  test.each(Object.entries(CHANGES))('is not believed where %s', async (_what, statement) => {
    const id = await session();
    await write(id, 'call', ['aaaa', 'bbbb', 'cccc', 'dddd']);
    await write(id, 'other', ['eeee', 'ffff', 'gggg', 'hhhh']);
    const other = await session();
    await write(other, 'theirs', ['whole']);
    await change((db) => db.exec(statement));
    await expect(whole(id, 'call')).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect((await vault.verify(id)).problems.join()).toContain('the output of call call');
    expect(await whole(other, 'theirs')).toBe('whole');
    expect((await vault.verify(other)).problems).toEqual([]);
    expect((await vault.read({ sessionId: id, after: 0, limit: 10, maxBytes: 1e6 })).entries).toHaveLength(4);
  });

  test('is not believed for any byte of a stretch that is flipped', async () => {
    const id = await session();
    await write(id, 'call', ['abcdefgh']);
    const length = 34 + 8;
    for (let index = 0; index < length; index += 3) {
      const toggle = (): Promise<void> =>
        change((db) => {
          const body = db.prepare<[], Buffer>('SELECT body FROM output').pluck().get() ?? Buffer.alloc(0);
          body[index] = (body[index] ?? 0) ^ 0x10;
          db.prepare('UPDATE output SET body = ?').run(body);
        });
      await toggle();
      await expect(whole(id, 'call')).rejects.toMatchObject({ kind: 'TAMPERED' });
      await toggle();
    }
    expect(await whole(id, 'call')).toBe('abcdefgh');
  });

  test('has lost its end: a reader sees less, and a check that knows the result of the call says so', async () => {
    const id = await session();
    await write(id, 'call', ['aaaa', 'bbbb']);
    await write(id, 'unknown', ['aaaa', 'bbbb']);
    const entries = [resultEntry(1, 'call', 8)];
    await vault.append({ opId: ulid(), sessionId: id, entries, patch: {} });
    expect((await vault.verify(id)).problems).toEqual([]);
    await change((db) => db.exec('DELETE FROM output WHERE stretch = 1'));
    expect(await whole(id, 'call')).toBe('aaaa');
    expect((await vault.verify(id)).problems).toEqual([
      'the output of call call: it ends after 4 bytes; its result says 8',
    ]);
    await change((db) => db.exec('DELETE FROM output'));
    expect((await vault.verify(id)).problems).toEqual([
      'the output of call call: it ends after 0 bytes; its result says 8',
    ]);
  });

  test('takes nothing more behind a stretch that does not verify', async () => {
    const id = await session();
    await write(id, 'call', ['aaaa', 'bbbb']);
    await change((db) => db.exec('UPDATE output SET bytes = 2 WHERE stretch = 1'));
    await expect(vault.appendOutput(id, { callId: 'call', index: 2, text: 'c' })).rejects.toMatchObject({
      kind: 'TAMPERED',
    });
  });
});
