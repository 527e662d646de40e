import Database from 'better-sqlite3';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { directVault, firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

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

/** Changes the file as somebody without the key could, while nobody has it open. */
async function tamper(change: (db: Database.Database) => void): Promise<void> {
  await vault.close();
  const db = new Database(join(directory.path, 'store', 'm.db'));
  db.pragma('foreign_keys = OFF');
  change(db);
  db.close();
  vault = await openedVault(directory.path);
}

async function talk(turns: number, text = 'talk'): Promise<string> {
  const { sessionId } = await vault.append(firstTurn(`${text} 1`));
  for (let turn = 2; turn <= turns; turn += 1) await vault.append(nextTurn(sessionId, turn, `${text} ${turn}`));
  return sessionId;
}

/** Everything that reads the session as a whole says that it is damaged. */
async function expectDamaged(sessionId: string): Promise<void> {
  expect((await vault.verify(sessionId)).problems).not.toEqual([]);
}

async function expectWhole(sessionId: string): Promise<void> {
  expect((await vault.verify(sessionId)).problems).toEqual([]);
  await vault.read({ sessionId, after: 0, limit: 1000, maxBytes: 1e9 });
}

describe('a store that was changed without its key', () => {
  test('says so for each byte of an entry that is flipped, and reads the rest', async () => {
    const damaged = await talk(1);
    const whole = await talk(2);
    const length = 60;
    for (let index = 0; index < length; index += 7) {
      let original: Buffer | undefined;
      await tamper((db) => {
        const row = db
          .prepare<[], { id: number; body: Buffer }>('SELECT id, body FROM entry ORDER BY id LIMIT 1')
          .get();
        if (row === undefined) throw new Error('no entry');
        original = Buffer.from(row.body);
        row.body[index] = (row.body[index] ?? 0) ^ 1;
        db.prepare('UPDATE entry SET body = ? WHERE id = ?').run(row.body, row.id);
      });
      await expect(vault.read({ sessionId: damaged, after: 0, limit: 10, maxBytes: 1e9 })).rejects.toMatchObject({
        kind: 'TAMPERED',
      });
      await expectDamaged(damaged);
      await expectWhole(whole);
      await tamper((db) => {
        db.prepare('UPDATE entry SET body = ? WHERE id = (SELECT min(id) FROM entry)').run(original);
      });
    }
    await expectWhole(damaged);
  });

  test('notices entries that were swapped, removed from the middle, or dropped from the end', async () => {
    const swapped = await talk(2, 'swapped');
    const holed = await talk(2, 'holed');
    const cut = await talk(2, 'cut');
    const whole = await talk(2, 'whole');
    const segmentOf = (db: Database.Database, id: string): number =>
      db.prepare<[string], number>('SELECT open_segment FROM session WHERE id = ?').pluck().get(id) ?? 0;
    await tamper((db) => {
      const segment = segmentOf(db, swapped);
      db.prepare('UPDATE entry SET seq = -1 WHERE segment = ? AND seq = 2').run(segment);
      db.prepare('UPDATE entry SET seq = 2 WHERE segment = ? AND seq = 3').run(segment);
      db.prepare('UPDATE entry SET seq = 3 WHERE segment = ? AND seq = -1').run(segment);
      db.prepare('DELETE FROM entry WHERE segment = ? AND seq = 3').run(segmentOf(db, holed));
      db.prepare('DELETE FROM entry WHERE segment = ? AND seq >= 7').run(segmentOf(db, cut));
    });
    for (const sessionId of [swapped, holed, cut]) await expectDamaged(sessionId);
    await expect(vault.head(cut)).rejects.toMatchObject({ kind: 'TAMPERED' });
    await expectWhole(whole);
  });

  test('notices clear columns, heads and segments that were changed or belong to another session', async () => {
    const state = await talk(1, 'state');
    const head = await talk(1, 'head');
    const left = await talk(1, 'left');
    const right = await talk(1, 'right');
    const whole = await talk(1, 'whole');
    await tamper((db) => {
      db.prepare('UPDATE session SET messages = 7 WHERE id = ?').run(state);
      db.prepare('UPDATE session SET details = (SELECT details FROM session WHERE id = ?) WHERE id = ?').run(
        whole,
        head,
      );
      const number = db.prepare<[string], number>('SELECT number FROM session WHERE id = ?').pluck();
      const [a, b] = [number.get(left) ?? 0, number.get(right) ?? 0];
      const use = db
        .prepare<[number], number>("SELECT segment FROM segment_use WHERE kind = 's' AND holder = ?")
        .pluck();
      const [first, second] = [use.get(a) ?? 0, use.get(b) ?? 0];
      const move = db.prepare("UPDATE segment_use SET segment = ? WHERE kind = 's' AND holder = ?");
      move.run(second, a);
      move.run(first, b);
    });
    for (const sessionId of [state, head, left, right]) {
      await expectDamaged(sessionId);
      await expect(vault.head(sessionId)).rejects.toMatchObject({ kind: 'TAMPERED' });
    }
    await expectWhole(whole);
    const { heads } = await vault.list({ archived: 'exclude', limit: 10 });
    expect(heads).toHaveLength(5);
    expect(heads.filter((one) => one.title.includes('damaged'))).toHaveLength(4);
  });

  test('does not open with the key of another store', async () => {
    await talk(1);
    await vault.close();
    const other = temporaryDirectory();
    const stranger = await openedVault(other.path);
    await stranger.close();
    copyFileSync(join(other.path, 'key'), join(directory.path, 'key'));
    other.remove();
    vault = directVault(directory.path);
    const { key } = await vault.open({});
    expect(key.state).toBe('denied');
    await expect(vault.countSessions()).rejects.toMatchObject({ kind: 'KEY_DENIED' });
  });
});

describe('a session that was deleted', () => {
  test('leaves neither its rows nor its keys in the file or its write-ahead log', async () => {
    const sessionId = await talk(3, 'secret');
    const kept = await talk(1, 'kept');
    const file = join(directory.path, 'store', 'm.db');
    let keys: Buffer[] = [];
    await tamper((db) => {
      const wrapped = db.prepare<[string], Buffer>('SELECT key FROM segment WHERE owner = ?').pluck().all(sessionId);
      const own = db.prepare<[string], Buffer>('SELECT key FROM session WHERE id = ?').pluck().get(sessionId);
      const rows = db.prepare<[], Buffer>('SELECT body FROM entry').pluck().all();
      keys = [...wrapped, own ?? Buffer.alloc(0), rows[0] ?? Buffer.alloc(0)];
    });
    expect(keys.every((key) => readFileSync(file).includes(key))).toBe(true);
    await vault.deleteSession(ulid(), sessionId, 'delete');
    for (const path of [file, `${file}-wal`]) {
      if (!existsSync(path)) continue;
      const bytes = readFileSync(path);
      for (const key of keys) expect(bytes.includes(key)).toBe(false);
    }
    await expectWhole(kept);
  });
});
