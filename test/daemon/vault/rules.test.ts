import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import type { NewRule } from '../../../daemon/services/tool-records.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
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

async function session(workspace = '/w'): Promise<string> {
  return (await vault.append(firstTurn('one', { workspace }))).sessionId;
}

function rule(subject: string, more: Partial<NewRule> = {}): NewRule {
  return { workspace: '/w', sessionId: null, effect: 'command', subject, createdAt: 5, ...more };
}

async function subjects(workspace?: string): Promise<string[]> {
  return (await vault.rules(workspace)).map((one) => one.subject);
}

describe('remembered approvals', () => {
  test('are there again for their workspace after the store was closed, until they are revoked', async () => {
    const id = await session();
    const first = await vault.addRule(rule('npm test'));
    const second = await vault.addRule(rule('', { effect: 'edit', sessionId: id }));
    const elsewhere = await vault.addRule(rule('make', { workspace: '/other' }));
    await change(() => undefined);
    expect(await vault.rules('/w')).toEqual([
      { id: first, ...rule('npm test') },
      { id: second, ...rule('', { effect: 'edit', sessionId: id }) },
    ]);
    expect(await subjects('/other')).toEqual(['make']);
    expect(await subjects('/nowhere')).toEqual([]);
    expect((await vault.rules()).map((one) => one.id)).toEqual([first, second, elsewhere]);
    await vault.removeRule(first);
    expect(await subjects('/w')).toEqual(['']);
    await expect(vault.removeRule(first)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect(await vault.addRule(rule('npm test'))).toBeGreaterThan(elsewhere);
  });

  test('are there once when the same is said again, and differ by every part of what they say', async () => {
    const [one, two] = [await session(), await session()];
    const rules = [
      rule('a'),
      rule('a', { workspace: '/v' }),
      rule('a', { effect: 'edit' }),
      rule('a', { sessionId: one }),
      rule('a', { sessionId: two }),
    ];
    const ids: number[] = [];
    for (const each of rules) ids.push(await vault.addRule(each));
    expect(new Set(ids).size).toBe(rules.length);
    for (const [index, each] of rules.entries())
      expect(await vault.addRule({ ...each, createdAt: 99 })).toBe(ids[index]);
    expect(await vault.rules()).toHaveLength(rules.length);
  });

  test('of a session go with it; those of its workspace stay, and their path goes with the last of them', async () => {
    const id = await session();
    await vault.addRule(rule('session', { sessionId: id }));
    const kept = await vault.addRule(rule('workspace'));
    await expect(vault.addRule(rule('x', { sessionId: ulid() }))).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await vault.deleteSession(ulid(), id, 'delete');
    expect(await subjects('/w')).toEqual(['workspace']);
    await change(() => undefined);
    expect(await subjects('/w')).toEqual(['workspace']);
    await vault.removeRule(kept);
    await vault.close();
    const count = (table: string): unknown =>
      withRows(directory.path, (db) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
    expect([count('rule'), count('workspace')]).toEqual([0, 0]);
    vault = await openedVault(directory.path);
  });

  test('are at most a thousand in a workspace, which a person is told', async () => {
    const id = await session();
    for (let from = 0; from < 1000; from += 250) {
      const some = Array.from({ length: 250 }, (_, index) => vault.addRule(rule(`command ${from + index}`)));
      await Promise.all(some);
    }
    const refused = vault.addRule(rule('one too many', { sessionId: id }));
    await expect(refused).rejects.toMatchObject({
      kind: 'LIMIT_REACHED',
      message: expect.stringContaining('1000') as string,
    });
    expect(await vault.addRule(rule('command 7'))).toBe(8);
    await vault.addRule(rule('elsewhere', { workspace: '/v' }));
    expect(await subjects('/w')).toHaveLength(1000);
    expect(await subjects('/v')).toEqual(['elsewhere']);
    expect((await vault.verify(id)).problems).toEqual([]);
  });
});

describe('a remembered approval that was changed without the key', () => {
  const CHANGES: Readonly<Record<string, string>> = {
    'its content was exchanged for that of another': `UPDATE rule SET body = (SELECT body FROM rule AS r WHERE r.id = 2) WHERE id = 1`,
    'it was given to another workspace':
      'UPDATE rule SET workspace = (SELECT workspace FROM rule WHERE id = 3) WHERE id = 1',
    'its id was changed': 'UPDATE rule SET id = 77 WHERE id = 1',
    'its time was changed': 'UPDATE rule SET created_at = 6 WHERE id = 1',
    'its mark was changed': "UPDATE rule SET mark = x'00' WHERE id = 1",
    'it was bound to a session': 'UPDATE rule SET session = (SELECT min(number) FROM session) WHERE id = 1',
    'its content is a text': "UPDATE rule SET body = 'allow' WHERE id = 1",
  };

  test.each(Object.entries(CHANGES))(
    'allows nothing where %s, and a check of a session there says so',
    async (_what, statement) => {
      const id = await session();
      const other = await session('/other');
      for (const subject of ['one', 'two']) await vault.addRule(rule(subject));
      await vault.addRule(rule('three', { workspace: '/other' }));
      await change((db) => db.exec(statement));
      expect((await subjects()).toSorted()).toEqual(['three', 'two']);
      expect(await subjects('/w')).toEqual(['two']);
      expect(await subjects('/other')).toEqual(['three']);
      const problems = [...(await vault.verify(id)).problems, ...(await vault.verify(other)).problems];
      expect(problems).toEqual([expect.stringMatching(/^the rule \d+ does not verify$/)]);
      expect(await vault.addRule(rule('one'))).toBeGreaterThan(0);
      expect((await subjects('/w')).toSorted()).toEqual(['one', 'two']);
    },
  );

  test('does not become one of the whole workspace by losing its session, nor one of another session', async () => {
    const [one, two] = [await session(), await session()];
    await vault.addRule(rule('mine', { sessionId: one }));
    await vault.addRule(rule('mine too', { sessionId: one }));
    await change((db) => {
      db.exec('UPDATE rule SET session = NULL WHERE id = 1');
      db.prepare('UPDATE rule SET session = (SELECT number FROM session WHERE id = ?) WHERE id = 2').run(two);
    });
    expect(await vault.rules()).toEqual([]);
    expect((await vault.verify(two)).problems).toEqual(['the rule 1 does not verify', 'the rule 2 does not verify']);
  });

  test.each([
    ['of a workspace', null, 'UPDATE rule SET session = (SELECT number FROM session WHERE id = ?) WHERE id = 1'],
    ['of a session', 'here', 'UPDATE rule SET workspace = (SELECT workspace FROM session WHERE id = ?) WHERE id = 1'],
    ['of another session', 'there', 'UPDATE rule SET session = (SELECT number FROM session WHERE id = ?) WHERE id = 1'],
  ] as const)(
    'is named by the sessions of both places when it is one %s and was given to another',
    async (_whose, mine, statement) => {
      const [here, there, beside] = [await session(), await session('/other'), await session('/third')];
      const id = await vault.addRule(
        mine === 'there'
          ? rule('moved', { workspace: '/other', sessionId: there })
          : rule('moved', { sessionId: mine === null ? null : here }),
      );
      await change((db) => {
        db.prepare(statement).run(mine === 'there' ? here : there);
      });
      expect(await vault.rules()).toEqual([]);
      const named = [`the rule ${id} does not verify`];
      expect((await vault.verify(here)).problems).toEqual(named);
      expect((await vault.verify(there)).problems).toEqual(named);
      expect((await vault.verify(beside)).problems).toEqual([]);
      expect((await vault.verifyRest()).problems).toEqual(['1 of the remembered approvals do not verify']);
    },
  );

  test('can be revoked and said again', async () => {
    await session();
    const id = await vault.addRule(rule('one'));
    await change((db) => {
      flip(db, 'rule', 'body', `id = ${id}`);
    });
    expect(await vault.rules('/w')).toEqual([]);
    const again = await vault.addRule(rule('one'));
    expect(await vault.rules('/w')).toEqual([{ id: again, ...rule('one') }]);
    await change((db) => {
      flip(db, 'rule', 'body', `id = ${again}`);
    });
    await vault.removeRule(again);
    expect(await vault.rules()).toEqual([]);
  });

  test('of a session that does not verify itself is left out, and takes no other with it', async () => {
    const [one, two] = [await session(), await session()];
    await vault.addRule(rule('damaged', { sessionId: one }));
    await vault.addRule(rule('whole', { sessionId: two }));
    await change((db) => {
      flip(db, 'session', 'details', `id = '${one}'`);
    });
    expect(await subjects('/w')).toEqual(['whole']);
    await vault.deleteSession(ulid(), one, 'delete');
    expect(await subjects()).toEqual(['whole']);
  });
});
