/** Rows, heads and whole stores that were genuine once, in another place or at another time. */
import type Database from 'better-sqlite3';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../../daemon/services/ports.ts';
import { directVault, firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../../support/direct-vault.ts';
import { putBack, rowsOf, withRows } from '../support/stored-rows.ts';

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

const databaseOf = (path: string): string => join(path, 'store', 'm.db');

/** Works on the file while nobody has it open. */
async function onFile<T>(work: (db: Database.Database) => T): Promise<T> {
  await vault.close();
  const result = withRows(directory.path, work);
  vault = await openedVault(directory.path);
  return result;
}

async function talk(turns: number, text: string): Promise<string> {
  const { sessionId } = await vault.append(firstTurn(`${text} 1`));
  for (let turn = 2; turn <= turns; turn += 1) await vault.append(nextTurn(sessionId, turn, `${text} ${turn}`));
  return sessionId;
}

const RULE = { workspace: '/w', effect: 'command', subject: 'npm test', createdAt: 5 } as const;

const problems = async (id: string): Promise<string[]> => (await vault.verify(id)).problems;
const texts = async (id: string): Promise<string[]> =>
  (await vault.read({ sessionId: id, after: 0, limit: 100, maxBytes: 1e9 })).entries.map(({ body }) => body);

const sessionRow = (id: string): string => `SELECT * FROM session WHERE id = '${id}'`;
const entriesOf = (id: string): string =>
  `SELECT * FROM entry WHERE segment IN (SELECT segment FROM segment_use WHERE kind = 's'
     AND holder = (SELECT number FROM session WHERE id = '${id}')) ORDER BY seq`;

describe('what was genuine once', () => {
  test('is noticed as an older row of the log in the place of a newer one', async () => {
    const id = await talk(2, 'old');
    const whole = await talk(1, 'whole');
    const rows = await onFile((db) => rowsOf(db, entriesOf(id)));
    await onFile((db) => {
      const [older, newer] = [rows[3], rows[7]];
      db.prepare('UPDATE entry SET body = ? WHERE id = ?').run(older?.['body'], newer?.['id']);
    });
    expect(await problems(id)).not.toEqual([]);
    await expect(texts(id)).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect(await problems(whole)).toEqual([]);
  });

  test('is noticed as an older head, or a log without its end', async () => {
    const id = await talk(1, 'head');
    const before = await onFile((db) => rowsOf(db, sessionRow(id)));
    await vault.append(nextTurn(id, 2, 'head 2'));
    const after = await onFile((db) => {
      const rows = rowsOf(db, sessionRow(id));
      putBack(db, 'session', before);
      return rows;
    });
    expect(await problems(id)).toEqual(['the log ends at entry 8; its head says 4']);
    await onFile((db) => {
      putBack(db, 'session', after);
      db.prepare(`DELETE FROM entry WHERE id IN (SELECT id FROM (${entriesOf(id)}) WHERE seq > 4)`).run();
    });
    expect(await problems(id)).toEqual(['the log ends at entry 4; its head says 8']);
    const { heads } = await vault.list({ archived: 'exclude', limit: 10 });
    expect(heads.find((head) => head.id === id)?.title).toContain('damaged');
  });

  /** The limit that docs/THREAT-MODEL.md names: without an anchor outside of the files nobody can tell. */
  test('cannot be told when everything of one session is as it was at one moment', async () => {
    const id = await talk(1, 'rolled back');
    const before = await onFile((db) => rowsOf(db, sessionRow(id)));
    await vault.append(nextTurn(id, 2, 'lost'));
    await onFile((db) => {
      db.prepare(`DELETE FROM entry WHERE id IN (SELECT id FROM (${entriesOf(id)}) WHERE seq > 4)`).run();
      putBack(db, 'session', before);
    });
    expect(await problems(id)).toEqual([]);
    expect((await texts(id)).join()).not.toContain('lost');
  });

  test('does not send a prompt that was cancelled, nor one that was sent before, nor hide one that is gone', async () => {
    const id = await talk(1, 'queue');
    const prompts = ['two', 'three', 'four'];
    const ops = prompts.map(() => ulid());
    for (const [index, text] of prompts.entries()) {
      await vault.enqueue({ opId: ops[index] ?? '', sessionId: id, at: Date.now(), body: text, fingerprint: text });
    }
    const queued = await onFile((db) => rowsOf(db, 'SELECT * FROM queued ORDER BY turn'));
    await vault.cancelQueued(id, 3);
    const { entries } = nextTurn(id, 2, 'two');
    await vault.append({ opId: ops[0] ?? '', sessionId: id, entries, patch: { status: 'idle' }, fromQueue: 2 });
    expect(await problems(id)).toEqual([]);
    await onFile((db) => {
      putBack(db, 'queued', queued.slice(0, 2));
      db.prepare('DELETE FROM queued WHERE turn = 4').run();
    });
    expect(await vault.readQueue(id)).toMatchObject([
      { turn: 3, body: null },
      { turn: 4, body: null },
    ]);
    expect(await problems(id)).toEqual([
      'the prompt of turn 2 waits again, but its turn has begun',
      'the prompt of turn 3 does not verify',
      'the prompt of turn 4 is missing',
    ]);
    // What is lost leaves the queue as what does not verify does: its turn says so.
    for (const turn of [3, 4]) {
      const moved = await vault.append({ ...nextTurn(id, turn, 'lost'), patch: { status: 'idle' }, fromQueue: turn });
      expect(moved.head.turns).toBe(4);
    }
    expect(await vault.readQueue(id)).toEqual([]);
  });

  test('is found as a draft of a turn that is over', async () => {
    const id = await talk(1, 'draft');
    await vault.appendDraft(id, { turn: 1, step: 1, chunk: 1, text: 'part', reasoning: '' });
    const drafts = await onFile((db) => rowsOf(db, 'SELECT * FROM draft'));
    await vault.append({ ...nextTurn(id, 2, 'next'), dropDrafts: true });
    await onFile((db) => {
      putBack(db, 'draft', drafts);
    });
    expect(await problems(id)).toEqual(['a draft of turn 1 is there again, but that turn is over']);
  });

  test('is kept, and found, when the session that it belongs to was taken away', async () => {
    const id = await talk(2, 'taken away');
    await onFile((db) => db.prepare('DELETE FROM session WHERE id = ?').run(id));
    expect((await vault.verifyRest()).problems).toContain('there are parts of logs whose session or save is gone (1)');
    await onFile((db) => db.prepare('DELETE FROM segment_use').run());
    // A deletion comes behind the maintenance of the start, and clears away like it: what was deleted, not what was lost.
    await vault.deleteSession(ulid(), await talk(1, 'deleted'), 'delete');
    expect((await vault.verifyRest()).problems).toEqual([
      'there are entries of a log that no session and no save is made of (8)',
    ]);
  });

  test('is kept, and found, behind what a fork shares of it', async () => {
    const id = await talk(2, 'taken away');
    const entries = [{ type: 'origin', turn: 1, at: 1, body: '{}', isMessage: false }] as const;
    const fork = await vault.fork({
      opId: ulid(),
      newId: ulid(),
      source: { sessionId: id },
      parent: { sessionId: id, turn: 1 },
      seq: 4,
      turns: 1,
      messages: 2,
      title: 'fork',
      model: 'demo/offline',
      entries,
      patch: {},
      fingerprint: 'fork',
    });
    await onFile((db) => {
      db.exec(`DELETE FROM segment_use WHERE holder = (SELECT number FROM session WHERE id = '${id}')`);
      db.exec(`DELETE FROM session WHERE id = '${id}'`);
    });
    const found = 'there are entries of a log whose session is gone, behind what others share of it (4)';
    expect((await vault.verifyRest()).problems).toEqual([found]);
    await vault.deleteSession(ulid(), await talk(1, 'deleted'), 'delete');
    expect((await vault.verifyRest()).problems).toEqual([found]);
    expect(await problems(fork.sessionId)).toEqual([]);
  });

  test('does not do a request again whose operation was taken out of the log, without a check that says so', async () => {
    const request = { ...firstTurn('once'), fingerprint: 'once' };
    const { sessionId } = await vault.append(request);
    await onFile((db) => db.prepare('UPDATE entry SET op = NULL').run());
    expect(await problems(sessionId)).toEqual(['entry 1: its operation is not the one that wrote it']);
    const other = ulid();
    await onFile((db) => db.prepare('UPDATE entry SET op = ? WHERE seq = 1').run(other));
    expect(await problems(sessionId)).toEqual(['entry 1: its operation is not the one that wrote it']);
    await expect(vault.append({ ...request, opId: other })).rejects.toMatchObject({ kind: 'TAMPERED' });
  });
});

describe('lists', () => {
  test.each([
    ['archived', 'archived = 1'],
    ['without turns', 'turns = 0'],
    ['of another workspace', 'workspace = workspace + 1'],
    ['of no time', "updated_at = 'never'"],
    ['of the far future', 'updated_at = 9007199254740991'],
    ['of before time', 'updated_at = -5'],
    ['of another id', "id = 'x'"],
  ])('show as damaged, and never hide, a session that was made to look like one %s', async (_what, change) => {
    const ids: string[] = [];
    for (const text of ['one', 'two', 'three', 'four']) ids.push(await talk(1, text));
    await vault.append(firstTurn('elsewhere', { workspace: '/elsewhere' }));
    await onFile((db) => db.prepare(`UPDATE session SET ${change} WHERE id = ?`).run(ids[1]));
    const listed: { id: string; title: string }[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<VaultPort['list']>> = await vault.list({
        archived: 'exclude',
        workspace: '/w',
        nonEmpty: true,
        limit: 1,
        ...(cursor === null ? {} : { cursor }),
      });
      listed.push(...page.heads);
      cursor = page.nextCursor;
      expect(listed.length).toBeLessThan(6);
    } while (cursor !== null);
    expect(listed).toHaveLength(4);
    const damaged = listed.find(({ title }) => title.includes('damaged'));
    expect(new Set(listed.map(({ id }) => id)).size).toBe(4);
    // It can be named: checked, shown as what it is, and deleted.
    const name = damaged?.id ?? '';
    expect((await vault.findByPrefix(name, 2)).sessions).toEqual([name]);
    expect((await vault.listed(name)).title).toContain('damaged');
    expect(await problems(name)).not.toEqual([]);
    await vault.deleteSession(ulid(), name, 'delete');
    expect(await vault.countSessions()).toBe(4);
    for (const { id } of listed) if (id !== name) expect(await problems(id)).toEqual([]);
  });

  test('show a session whose directory cannot be read in the list of every directory', async () => {
    const id = await talk(1, 'placeless');
    await onFile((db) => db.prepare("UPDATE workspace SET path = x'00'").run());
    const { heads } = await vault.list({ archived: 'exclude', workspace: '/w', limit: 10 });
    expect(heads.map((head) => [head.id, head.workspace])).toEqual([[id, '']]);
  });
});

describe('another store', () => {
  async function another(): Promise<{ path: string; id: string; remove: () => void }> {
    const other = temporaryDirectory();
    const stranger = await openedVault(other.path);
    const { sessionId } = await stranger.append(firstTurn('of another store'));
    await stranger.close();
    return { ...other, id: sessionId };
  }

  test('in the place of this one does not open with the key of this one', async () => {
    await talk(1, 'mine');
    const other = await another();
    await vault.close();
    copyFileSync(databaseOf(other.path), databaseOf(directory.path));
    for (const end of ['-wal', '-shm']) rmSync(`${databaseOf(directory.path)}${end}`, { force: true });
    other.remove();
    vault = directVault(directory.path);
    expect((await vault.open({})).key).toMatchObject({ state: 'denied', reason: /holds another key/ });
    await expect(vault.list({ archived: 'include', limit: 10 })).rejects.toMatchObject({ kind: 'KEY_DENIED' });
  });

  test('gives nothing that this one takes for its own, under another root key or the same', async () => {
    const other = temporaryDirectory();
    // The same root key: an interrupted first start leaves a key file that the next start takes.
    copyFileSync(join(directory.path, 'key'), join(other.path, 'key'));
    const stranger = await openedVault(other.path);
    const theirs = (await stranger.append(firstTurn('theirs'))).sessionId;
    await stranger.setSecret('anthropic', 'theirs');
    await stranger.addHistory('theirs', null);
    await stranger.addRule({ ...RULE, workspace: '/theirs', sessionId: null });
    const process = { pid: 5, startTime: '7', bootId: 'boot', background: true };
    await stranger.recordProcess({ ...process, callId: 'call', sessionId: theirs });
    await stranger.close();
    const mine = await talk(1, 'mine');
    await vault.setSecret('anthropic', 'mine');
    await onFile((db) => {
      db.exec(`ATTACH '${databaseOf(other.path)}' AS other`);
      for (const table of ['workspace', 'secret', 'history', 'rule', 'process']) {
        db.exec(`DELETE FROM main.${table}; INSERT INTO main.${table} SELECT * FROM other.${table}`);
      }
      db.exec(
        'UPDATE other.segment SET id = id + 100; UPDATE other.segment_use SET segment = segment + 100, holder = 100',
      );
      db.exec('UPDATE other.entry SET segment = segment + 100, id = id + 100; UPDATE other.session SET number = 100');
      for (const table of ['session', 'segment', 'segment_use', 'entry']) {
        db.exec(`INSERT INTO main.${table} SELECT * FROM other.${table}`);
      }
    });
    other.remove();
    expect(await problems(theirs)).not.toEqual([]);
    await expect(texts(theirs)).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect(await vault.rules()).toEqual([]);
    expect(await vault.processes()).toEqual([]);
    await expect(vault.secret('anthropic')).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect(
      JSON.stringify([await vault.list({ archived: 'include', limit: 10 }), await vault.history(5)]),
    ).not.toContain('theirs');
    expect((await texts(mine)).join()).toContain('mine');
  });

  /** The other limit of docs/THREAT-MODEL.md: it is told from this one by its id, which clients get, and by nothing else. */
  test('with the same root key, put in as a whole, opens as what it is', async () => {
    const { store: own } = await vault.open({});
    const other = temporaryDirectory();
    copyFileSync(join(directory.path, 'key'), join(other.path, 'key'));
    const stranger = await openedVault(other.path);
    await stranger.close();
    await vault.close();
    copyFileSync(databaseOf(other.path), databaseOf(directory.path));
    expect(existsSync(`${databaseOf(directory.path)}-wal`)).toBe(false);
    other.remove();
    vault = directVault(directory.path);
    const { key, store } = await vault.open({});
    expect(key.state).toBe('unlocked');
    expect(store?.id).not.toBe(own?.id);
    expect(store?.generation).not.toBe(own?.generation);
  });
});
