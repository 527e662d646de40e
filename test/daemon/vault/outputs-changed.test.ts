import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewEntry, VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { writeOutput, wholeOutput } from './support/output-calls.ts';
import { changeRows } from './support/stored-rows.ts';

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

async function session(): Promise<string> {
  return (await vault.append(firstTurn('one'))).sessionId;
}

const write = (sessionId: string, callId: string, texts: readonly string[], from = 0): Promise<void> =>
  writeOutput(vault, sessionId, callId, texts, from);
const whole = (sessionId: string, callId: string, maxBytes = 1): Promise<string> =>
  wholeOutput(vault, sessionId, callId, maxBytes);

function resultEntry(turn: number, callId: string, keptBytes: number): NewEntry {
  const part = { type: 'tool-result', callId, name: 'bash', output: '', isError: false, details: { keptBytes } };
  return { type: 'message', turn, at: 1, isMessage: true, body: JSON.stringify({ role: 'tool', parts: [part] }) };
}

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
