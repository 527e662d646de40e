/** Lines typed at prompts: usable everywhere while their session exists, and readable nowhere after it. */
import Database from 'better-sqlite3';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { listBackups } from '../../../daemon/vault/migrations.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { asSchema } from './support/old-schema.ts';

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

const file = (): string => join(directory.path, 'store', 'm.db');

async function session(text: string): Promise<string> {
  return (await vault.append(firstTurn(text))).sessionId;
}

/** Looks at, or changes, the file while nobody has it open. */
async function inFile<T>(act: (db: Database.Database) => T): Promise<T> {
  await vault.close();
  const db = new Database(file());
  try {
    return act(db);
  } finally {
    db.close();
    vault = await openedVault(directory.path);
  }
}

const bodiesIn = (db: Database.Database): Buffer[] =>
  db.prepare<[], Buffer>('SELECT body FROM history ORDER BY id').pluck().all();

describe('lines typed at prompts', () => {
  test('come back newest first from every session, and what was repeated is one line', async () => {
    const [first, second] = [await session('first'), await session('second')];
    for (const line of ['a', 'b', 'b']) await vault.addHistory(line, first);
    for (const line of ['b', 'c']) await vault.addHistory(line, second);
    await vault.addHistory('/sessions', null);
    await vault.close();
    vault = await openedVault(directory.path);
    expect(await vault.history(10)).toEqual(['/sessions', 'c', 'b', 'a']);
    expect(await vault.history(2)).toEqual(['/sessions', 'c']);
  });

  test('are the newest thousand', async () => {
    const id = await session('long');
    const lines = Array.from({ length: 1_050 }, (_, index) => `line ${index}`);
    await Promise.all(lines.map((line, index) => vault.addHistory(line, index % 2 === 0 ? id : null)));
    expect(await vault.history(1_000)).toEqual(lines.toReversed().slice(0, 1_000));
    expect(await inFile((db) => bodiesIn(db).length)).toBe(1_000);
  });

  test('are gone with the session they were typed in, as are those of no session; the others stay', async () => {
    const [gone, stays] = [await session('gone'), await session('stays')];
    await vault.addHistory('typed in one', gone);
    await vault.addHistory('the same in both', gone);
    await vault.addHistory('the same in both', stays);
    await vault.addHistory('typed in the other', stays);
    await vault.addHistory('/resume by its secret title', null);
    const bodies = await inFile(bodiesIn);
    expect(bodies).toHaveLength(5);
    await vault.deleteSession(ulid(), gone, 'keep');
    expect(await vault.history(10)).toEqual(['typed in the other', 'the same in both']);
    const paths = [file(), `${file()}-wal`].filter((one) => existsSync(one));
    const bytes = Buffer.concat(paths.map((path) => readFileSync(path)));
    expect(bodies.map((body) => bytes.includes(body))).toEqual([false, false, true, true, false]);
    await vault.addHistory('typed while it was deleted', gone);
    expect(await vault.history(10)).toEqual(['typed in the other', 'the same in both']);
  });

  test('cannot be read with what a deletion leaves of the store, even from a row that somebody kept', async () => {
    const id = await session('gone');
    await vault.addHistory('typed in one', id);
    const kept = await inFile((db) => db.prepare('SELECT id, body FROM history').get() as { id: number; body: Buffer });
    await vault.deleteSession(ulid(), id, 'delete');
    const other = await session('next');
    for (const owner of [null, other]) {
      await inFile((db) => {
        db.prepare('DELETE FROM history').run();
        db.prepare(
          'INSERT INTO history(id, session, body) VALUES (?, (SELECT number FROM session WHERE id = ?), ?)',
        ).run(kept.id, owner, kept.body);
      });
      expect((await vault.history(1))[0]).toMatch(/damaged/);
    }
  });

  test('of a session whose head does not verify are named as damaged, and the others are read', async () => {
    const [damaged, whole] = [await session('damaged'), await session('whole')];
    await vault.addHistory('of the damaged', damaged);
    await vault.addHistory('of the whole', whole);
    await inFile((db) => db.prepare('UPDATE session SET messages = 7 WHERE id = ?').run(damaged));
    const lines = await vault.history(10);
    expect(lines[0]).toBe('of the whole');
    expect(lines[1]).toMatch(/damaged/);
  });
});

describe('a store from before lines belonged to sessions', () => {
  /** The store as the first schema has it: the lines are without a session and under the key of the store. */
  async function older(): Promise<void> {
    await vault.close();
    asSchema(directory.path, 1);
    vault = await openedVault(directory.path);
  }

  test('keeps its lines, after a copy was made, until a session is deleted that they may be of', async () => {
    const id = await session('old');
    const stays = await session('stays');
    await vault.addHistory('an old line', null);
    await older();
    expect(await vault.history(10)).toEqual(['an old line']);
    const backups = listBackups(join(directory.path, 'store', 'backups')).map(({ file: path }) => path);
    expect(backups).toHaveLength(1);
    await vault.addHistory('a new line', stays);
    expect((await vault.deleteSession(ulid(), id, 'keep')).backups).toEqual(backups);
    expect(await vault.history(10)).toEqual(['a new line']);
  });
});
