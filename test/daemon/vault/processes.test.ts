import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import type { ProcessRecord } from '../../../daemon/services/tool-port.ts';
import { firstTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
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

function record(sessionId: string, callId: string, pid = 4711): ProcessRecord {
  return { callId, sessionId, pid, startTime: '123456', bootId: 'b-o-o-t', background: true };
}

test('a process group is known until it is forgotten, also to the next daemon', async () => {
  const { sessionId } = await vault.append(firstTurn('one'));
  await vault.recordProcess(record(sessionId, 'a'));
  await vault.recordProcess(record(sessionId, 'a', 4712));
  await vault.recordProcess({ ...record(sessionId, 'b'), background: false });
  await change(() => undefined);
  expect(await vault.processes()).toEqual([
    record(sessionId, 'a', 4712),
    { ...record(sessionId, 'b'), background: false },
  ]);
  await vault.forgetProcess('a');
  await vault.forgetProcess('a');
  await vault.forgetProcess('never');
  expect((await vault.processes()).map(({ callId }) => callId)).toEqual(['b']);
  await expect(vault.recordProcess(record(ulid(), 'c'))).rejects.toMatchObject({ kind: 'NOT_FOUND' });
});

test('a process group is forgotten with its session, and the others are not', async () => {
  const { sessionId } = await vault.append(firstTurn('one'));
  const { sessionId: other } = await vault.append(firstTurn('two'));
  await vault.recordProcess(record(sessionId, 'a'));
  await vault.recordProcess(record(other, 'b'));
  await vault.deleteSession(ulid(), sessionId, 'delete');
  expect(await vault.processes()).toEqual([record(other, 'b')]);
});

test('a record that was changed names no process that could be ended, and a check says so', async () => {
  const { sessionId } = await vault.append(firstTurn('one'));
  const { sessionId: other } = await vault.append(firstTurn('two'));
  for (const callId of ['flipped', 'exchanged', 'moved', 'whole']) await vault.recordProcess(record(sessionId, callId));
  await change((db) => {
    const body =
      db.prepare<[], Buffer>("SELECT body FROM process WHERE call = 'flipped'").pluck().get() ?? Buffer.alloc(0);
    body[20] = (body[20] ?? 0) ^ 1;
    db.prepare("UPDATE process SET body = ? WHERE call = 'flipped'").run(body);
    db.exec("UPDATE process SET body = (SELECT body FROM process WHERE call = 'whole') WHERE call = 'exchanged'");
    db.prepare("UPDATE process SET session = ? WHERE call = 'moved'").run(other);
  });
  expect((await vault.processes()).map(({ callId }) => callId)).toEqual(['whole']);
  expect((await vault.verify(sessionId)).problems).toHaveLength(2);
  expect((await vault.verify(other)).problems).toEqual(['the record of a process does not verify']);
});

test('a session whose head is damaged still has its process groups ended', async () => {
  const { sessionId } = await vault.append(firstTurn('one'));
  await vault.recordProcess(record(sessionId, 'a'));
  await change((db) => {
    flip(db, 'session', 'details', 'true');
  });
  expect(await vault.processes()).toEqual([record(sessionId, 'a')]);
});
