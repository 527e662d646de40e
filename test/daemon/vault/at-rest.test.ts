/** What tools need is as unreadable on the disk as the log, and as gone when its session is. */
import { readFileSync } from 'node:fs';
import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { everythingBelow, findTexts } from '../../support/plain-text.ts';
import { withRows } from './support/stored-rows.ts';

const CANARIES = {
  output: 'Qz7outputCanaryVd53mKo',
  'variable of the environment': 'Qz7environmentCanaryRj28',
  'variable of a fork': 'Qz7forkedCanaryNs91bWe',
  'rule of the session': 'Qz7sessionRuleCanaryUg40',
  'rule of the workspace': 'Qz7workspaceRuleCanaryCi17',
  'directory of a rule': 'Qz7ruleDirectoryCanaryEy62',
  'boot of a process': 'Qz7bootCanaryXl75tHz',
  agent: 'Qz7agentCanaryFp36dQa',
};

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

/** Plants every canary. @returns the session, a fork of it after its first turn, and a save there. */
async function plant(): Promise<{ sessionId: string; fork: string; save: string }> {
  const request = firstTurn('one');
  const create = { workspace: '/w', model: 'demo/offline', title: 'one', mode: 'full' as const, agent: CANARIES.agent };
  const environment = JSON.stringify({ NAME: CANARIES['variable of the environment'] });
  const { sessionId } = await vault.append({ ...request, create, environment });
  const text = `${CANARIES.output} `.repeat(100);
  for (const index of [0, 1, 2]) await vault.appendOutput(sessionId, { callId: 'early', index, text });
  const fork = ulid();
  await vault.append(nextTurn(sessionId, 2, 'two'));
  for (const index of [0, 1, 2]) await vault.appendOutput(sessionId, { callId: 'late', index, text });
  const position = { seq: 4, turn: 1, messages: 2, model: 'demo/offline', at: 1, agent: CANARIES.agent };
  const save = await vault.createSave({ opId: ulid(), sessionId, wantedId: 's', fingerprint: 's', ...position });
  const environmentOfFork = JSON.stringify({ NAME: CANARIES['variable of a fork'] });
  const origin = { seq: 4, messages: 2, turns: 1, title: 'fork', model: 'demo/offline', entries: [], patch: {} };
  const parent = { sessionId, turn: 1 };
  const wanted = { opId: ulid(), source: { sessionId }, newId: fork, parent, fingerprint: 'f', ...origin };
  await vault.fork({ ...wanted, environment: environmentOfFork });
  await vault.appendOutput(sessionId, { callId: 'late', index: 3, text });
  const rule = { workspace: '/w', effect: 'command' as const, createdAt: 1 };
  await vault.addRule({ ...rule, sessionId, subject: CANARIES['rule of the session'] });
  const standing = { ...rule, workspace: `/${CANARIES['directory of a rule']}`, sessionId: null };
  await vault.addRule({ ...standing, subject: CANARIES['rule of the workspace'] });
  const bootId = CANARIES['boot of a process'];
  await vault.recordProcess({ callId: 'late', sessionId, pid: 1, startTime: '2', bootId, background: true });
  return { sessionId, fork, save: save.id };
}

/** A piece of everything encrypted that belongs to sessions, as it is stored now. */
async function pieces(): Promise<Buffer[]> {
  await vault.close();
  const columns = [
    ['segment', 'key'],
    ['session', 'key'],
    ['output', 'body'],
    ['environment', 'body'],
    ['rule', 'body'],
    ['process', 'body'],
  ] as const;
  const found = withRows(directory.path, (db) =>
    columns.flatMap(([table, column]) =>
      db.prepare<[], Buffer>(`SELECT ${column} FROM ${table} WHERE length(${column}) >= 16`).pluck().all(),
    ),
  );
  vault = await openedVault(directory.path);
  return found.map((bytes) => bytes.subarray(-24));
}

function inFiles(wanted: readonly Buffer[]): number {
  const paths = everythingBelow(directory.path).filter((path) => /m\.db/.test(path));
  const content = paths.map((path) => readFileSync(path));
  return wanted.filter((bytes) => content.some((one) => one.includes(bytes))).length;
}

test('nothing of outputs, environments, rules, process records and agents is readable in any file', async () => {
  const { sessionId, fork } = await plant();
  const files = (): string[] => everythingBelow(directory.path);
  expect(findTexts(files(), CANARIES)).toEqual([]);
  await vault.close();
  expect(findTexts(files(), CANARIES)).toEqual([]);
  vault = await openedVault(directory.path);
  // It was really there.
  expect((await vault.readOutput(sessionId, 'late', 0, 1e6)).text).toContain(CANARIES.output);
  expect(await vault.environment(sessionId)).toContain(CANARIES['variable of the environment']);
  expect(await vault.environment(fork)).toContain(CANARIES['variable of a fork']);
  expect(JSON.stringify(await vault.rules())).toContain(CANARIES['rule of the session']);
  expect(JSON.stringify(await vault.rules())).toContain(CANARIES['directory of a rule']);
  expect(JSON.stringify(await vault.processes())).toContain(CANARIES['boot of a process']);
  expect((await vault.verify(sessionId)).problems).toEqual([]);
});

test('a session that is deleted leaves nothing of them in the files, once those who share it are gone too', async () => {
  const { sessionId, fork, save } = await plant();
  const before = await pieces();
  expect(inFiles(before)).toBe(before.length);
  await vault.deleteSession(ulid(), sessionId, 'keep');
  expect(inFiles(before)).toBe(STAYS_WITH_A_FORK);
  expect((await vault.readOutput(fork, 'early', 0, 1e6)).text).toContain(CANARIES.output);
  expect((await vault.verify(fork)).problems).toEqual([]);
  expect(await vault.processes()).toEqual([]);
  const shared = await pieces();
  await vault.deleteSession(ulid(), fork, 'delete');
  await vault.deleteSave(ulid(), save);
  // The rule of the other workspace stays.
  expect([inFiles(before), inFiles(shared)]).toEqual([1, 1]);
  expect((await vault.rules()).map(({ subject }) => subject)).toEqual([CANARIES['rule of the workspace']]);
});

/** The key of the fork, the key of its own segment and its variables, and the rule of the other workspace. */
const STAYS_WITH_A_FORK = 4;
