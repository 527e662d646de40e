/** The turns of a session with what each did, read without what they hold in between. */
import { ulid } from 'ulid';
import { expect, onTestFinished, test } from 'vitest';
import type { NewEntry, VaultPort } from '../../../daemon/services/ports.ts';
import { listTurns } from '../../../daemon/services/turn-list.ts';
import { messageEntry, openedVault, temporaryDirectory, turnEntry } from '../../support/direct-vault.ts';

async function freshVault(): Promise<VaultPort> {
  const { path, remove } = temporaryDirectory();
  const vault = await openedVault(path);
  onTestFinished(async () => {
    await vault.close();
    remove();
  });
  return vault;
}

const SNAPSHOT = { restorable: true, reason: '', files: 1, added: 2, removed: 3, byShell: 0, others: 0, skipped: 0 };
const snapshotEntry = (turn: number, files: number): NewEntry => ({
  type: 'snapshot',
  turn,
  at: 0,
  body: JSON.stringify({ ...SNAPSHOT, files }),
  isMessage: false,
});
const titleEntry = (turn: number): NewEntry => ({
  type: 'title',
  turn,
  at: 0,
  body: JSON.stringify({ title: 'named', automatic: false }),
  isMessage: false,
});

/** Entries of a turn that ends as it does. */
function turnOf(turn: number, state: string, files: number | undefined): NewEntry[] {
  return [
    messageEntry(turn, 'user', `prompt ${turn}\nsecond line`),
    turnEntry(turn, 'running'),
    messageEntry(turn, 'assistant', `answer ${turn}`),
    ...(files === undefined ? [] : [snapshotEntry(turn, files)]),
    ...(state === 'running' ? [] : [turnEntry(turn, state)]),
  ];
}

async function session(vault: VaultPort, ...turns: NewEntry[][]): Promise<string> {
  const sessionId = ulid();
  const create = { workspace: '/w', model: 'demo/offline', title: 't' };
  for (const [index, entries] of turns.entries()) {
    const begun = index === 0 ? { create } : {};
    await vault.append({ opId: ulid(), sessionId, entries, patch: { turns: index + 1 }, ...begun });
  }
  return sessionId;
}

test('turns are listed newest first, each with its prompt, its state and what it did', async () => {
  const vault = await freshVault();
  const sessionId = await session(
    vault,
    turnOf(1, 'completed', 1),
    turnOf(2, 'cancelled', undefined),
    [...turnOf(3, 'failed', 3), titleEntry(3), titleEntry(3)],
    turnOf(4, 'running', undefined),
  );
  const { turns, more } = await listTurns(vault, { sessionId }, { turn: 4, state: 'waiting' });
  expect(more).toBe(false);
  expect(turns.map(({ turn, state, prompt, snapshot }) => [turn, state, prompt, snapshot?.files ?? null])).toEqual([
    [4, 'waiting', 'prompt 4 second line', null],
    [3, 'failed', 'prompt 3 second line', 3],
    [2, 'cancelled', 'prompt 2 second line', null],
    [1, 'completed', 'prompt 1 second line', 1],
  ]);
});

test('a turn that goes on again has nothing to say yet, and then says what is newest', async () => {
  const vault = await freshVault();
  const entries = turnOf(1, 'failed', 1);
  const sessionId = await session(vault, [...entries, turnEntry(1, 'running')]);
  expect((await listTurns(vault, { sessionId }, undefined)).turns).toMatchObject([
    { state: 'running', snapshot: null },
  ]);
  const rest = [snapshotEntry(1, 5), turnEntry(1, 'completed')];
  await vault.append({ opId: ulid(), sessionId, entries: rest, patch: {} });
  expect((await listTurns(vault, { sessionId }, undefined)).turns).toMatchObject([
    { state: 'completed', snapshot: { files: 5 } },
  ]);
});

test('the end of a turn is found behind what was set after it', async () => {
  const vault = await freshVault();
  const left = [messageEntry(1, 'user', 'never sent'), turnEntry(1, 'cancelled')];
  for (const titles of [6, 7, 8, 20]) {
    const sessionId = await session(vault, [...left, ...Array.from({ length: titles }, () => titleEntry(1))]);
    expect((await listTurns(vault, { sessionId }, undefined)).turns).toMatchObject([{ state: 'cancelled' }]);
  }
});

test('a page ends where it should, and the next one goes on there', async () => {
  const vault = await freshVault();
  const sessionId = await session(vault, ...[1, 2, 3, 4, 5].map((turn) => turnOf(turn, 'completed', turn)));
  const pages: number[][] = [];
  let before: number | undefined;
  for (let more = true; more;) {
    const page = await listTurns(
      vault,
      { sessionId, limit: 2, ...(before === undefined ? {} : { before }) },
      undefined,
    );
    pages.push(page.turns.map(({ turn }) => turn));
    before = page.turns.at(-1)?.turn;
    more = page.more;
  }
  expect(pages).toEqual([[5, 4], [3, 2], [1]]);
  expect(await listTurns(vault, { sessionId, before: 1 }, undefined)).toEqual({ turns: [], more: false });
});

test('what a turn holds in between is not read', async () => {
  const vault = await freshVault();
  const many = Array.from({ length: 400 }, () => messageEntry(1, 'assistant', 'x'.repeat(1000)));
  const [prompt, running, ...end] = turnOf(1, 'completed', 1);
  if (prompt === undefined || running === undefined) throw new Error('no beginning');
  const sessionId = await session(vault, [prompt, running, ...many, ...end]);
  let bytes = 0;
  const counting: VaultPort = {
    ...vault,
    head: (id) => vault.head(id),
    lastOfTurn: (id, turn) => vault.lastOfTurn(id, turn),
    endOfTurn: () => Promise.reject(new Error('that counts messages')),
    read: async (request) => {
      const result = await vault.read(request);
      for (const { body } of result.entries) bytes += body.length;
      return result;
    },
  };
  expect((await listTurns(counting, { sessionId }, undefined)).turns).toMatchObject([{ snapshot: { files: 1 } }]);
  expect(bytes).toBeLessThan(20_000);
});
