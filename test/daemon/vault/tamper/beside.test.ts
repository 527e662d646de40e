/** What is kept for tools and commands beside the log: taken away, put back, or in another place. */
import type Database from 'better-sqlite3';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../../daemon/services/ports.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../../support/direct-vault.ts';
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

/** Works on the file while nobody has it open. */
async function onFile<T>(work: (db: Database.Database) => T): Promise<T> {
  await vault.close();
  const result = withRows(directory.path, work);
  vault = await openedVault(directory.path);
  return result;
}

const RULE = { workspace: '/w', effect: 'command', subject: 'npm test', createdAt: 5 } as const;

async function talk(turns: number, text: string): Promise<string> {
  const { sessionId } = await vault.append(firstTurn(`${text} 1`));
  for (let turn = 2; turn <= turns; turn += 1) await vault.append(nextTurn(sessionId, turn, `${text} ${turn}`));
  return sessionId;
}

const problems = async (id: string): Promise<string[]> => (await vault.verify(id)).problems;
const sessionRow = (id: string): string => `SELECT * FROM session WHERE id = '${id}'`;

describe('what was genuine once beside the log', () => {
  test('is kept, and found, as what hung on a session that was taken away, also when others come and go', async () => {
    const whole = await talk(1, 'whole');
    const id = await talk(1, 'taken away');
    await vault.append({ ...nextTurn(id, 2, 'more'), environment: '{"A":"1"}' });
    await vault.appendOutput(id, { callId: 'call', index: 0, text: 'written' });
    const process = { pid: 5, startTime: '7', bootId: 'boot', background: true };
    await vault.recordProcess({ ...process, callId: 'call', sessionId: id });
    await vault.addRule({ ...RULE, sessionId: id });
    await vault.enqueue({ opId: ulid(), sessionId: id, at: Date.now(), body: '{}', fingerprint: 'three' });
    await onFile((db) => db.prepare('DELETE FROM session WHERE id = ?').run(id));
    const lost = [
      'there are parts of logs whose session or save is gone (1)',
      'there are prompts that wait in a session that is gone (1)',
      'there are environments of a session that is gone (1)',
      'there are records of processes of a session that is gone (1)',
      'there are approvals of a session that is gone (1)',
    ];
    expect((await vault.verifyRest()).problems).toEqual(['1 of the remembered approvals do not verify', ...lost]);
    const next = await talk(1, 'next');
    await vault.append({ ...nextTurn(next, 2, 'more'), environment: '{"A":"2"}' });
    expect(await vault.readQueue(next)).toEqual([]);
    expect(await problems(next)).toEqual([]);
    await vault.deleteSession(ulid(), next, 'delete');
    await onFile((db) => db.prepare('DELETE FROM segment_use WHERE holder NOT IN (SELECT number FROM session)').run());
    expect((await vault.verifyRest()).problems).toEqual([
      '1 of the remembered approvals do not verify',
      'there are entries of a log that no session and no save is made of (8)',
      ...lost.slice(1, 2),
      'there are stretches of output of a log that no session and no save is made of (1)',
      ...lost.slice(2),
    ]);
    expect(await vault.rules('/w')).toEqual([]);
    expect(await problems(whole)).toEqual([]);
  });

  test('is noticed as older settings, and as the environment of another time or another session', async () => {
    const id = await talk(1, 'settings');
    const first = nextTurn(id, 2, 'full');
    await vault.append({ ...first, patch: { turns: 2, mode: 'full', agent: 'bold' }, environment: '{"A":"1"}' });
    const [head, old] = await onFile((db) => [rowsOf(db, sessionRow(id)), rowsOf(db, 'SELECT * FROM environment')]);
    const second = nextTurn(id, 3, 'ask');
    await vault.append({ ...second, patch: { turns: 3, mode: 'ask', agent: '' }, environment: '{"A":"2"}' });
    const now = await onFile((db) => {
      const row = rowsOf(db, 'SELECT * FROM environment');
      putBack(db, 'environment', old);
      return row;
    });
    await expect(vault.environment(id)).rejects.toMatchObject({ kind: 'TAMPERED' });
    expect(await problems(id)).toEqual(['the environment for commands does not verify']);
    await onFile((db) => db.exec('DELETE FROM environment'));
    expect(await problems(id)).toEqual(['the environment for commands does not verify']);
    const details = head[0]?.['details'];
    await onFile((db) => {
      putBack(db, 'environment', now);
      db.prepare('UPDATE session SET details = ? WHERE id = ?').run(details, id);
    });
    await expect(vault.head(id)).rejects.toMatchObject({ kind: 'TAMPERED' });
    await onFile((db) => {
      putBack(db, 'session', head);
    });
    expect(await problems(id)).toEqual(['the log ends at entry 12; its head says 8']);
  });

  test('is noticed as output of another session, of another time, or put back behind the end', async () => {
    const [id, other] = [await talk(1, 'mine'), await talk(1, 'other')];
    for (const index of [0, 1]) {
      for (const owner of [id, other]) await vault.appendOutput(owner, { callId: 'call', index, text: `${index}` });
    }
    const rows = await onFile((db) => rowsOf(db, 'SELECT * FROM output ORDER BY segment, stretch'));
    const [mine, theirs] = [rows.slice(0, 2), rows.slice(2)];
    await onFile((db) => {
      putBack(
        db,
        'output',
        mine.map((row, index) => ({ ...row, body: theirs[index]?.['body'] })),
      );
    });
    await expect(vault.readOutput(id, 'call', 0, 100)).rejects.toMatchObject({ kind: 'TAMPERED' });
    for (const change of [{ seq: 99 }, { stretch: -1 }, { first_byte: 0, stretch: 0 }, { call: '' }]) {
      await onFile((db) => {
        db.exec('DELETE FROM output');
        putBack(
          db,
          'output',
          [...theirs, ...mine.slice(0, 1), { ...mine[1], ...change }].map((row, at) => ({ ...row, id: at })),
        );
      });
      expect([change, await problems(id)]).not.toEqual([change, []]);
      expect(await problems(other)).toEqual([]);
    }
  });

  /** The limit that docs/THREAT-MODEL.md names: nothing says which approvals there were last. */
  test('cannot be told when it is an approval that was revoked, but is when its session was deleted', async () => {
    const id = await talk(1, 'approved');
    const rule = await vault.addRule({ ...RULE, sessionId: null });
    await vault.addRule({ ...RULE, sessionId: id });
    const rules = await onFile((db) => rowsOf(db, 'SELECT * FROM rule'));
    await vault.removeRule(rule);
    await talk(1, 'another');
    await vault.deleteSession(ulid(), id, 'delete');
    await onFile((db) => {
      putBack(db, 'rule', rules);
    });
    expect(await vault.rules('/w')).toEqual([{ ...RULE, sessionId: null, id: rule }]);
    expect((await vault.verifyRest()).problems).toEqual([
      '1 of the remembered approvals do not verify',
      'there are approvals of a session that is gone (1)',
    ]);
  });
});
