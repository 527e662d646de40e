import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AppendRequest, VaultPort } from '../../../daemon/services/ports.ts';
import {
  firstTurn,
  messageEntry,
  nextTurn,
  openedVault,
  temporaryDirectory,
  turnEntry,
} from '../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let vault: VaultPort;
let sessionId: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  vault = await openedVault(directory.path);
  sessionId = (await vault.append(firstTurn('one'))).sessionId;
  await vault.append(nextTurn(sessionId, 2, 'two'));
});

afterEach(async () => {
  await vault.close();
  directory.remove();
});

/** What a turn of the daemon writes: it has no fingerprint, since no client asks for it. */
function step(turn: number): AppendRequest {
  return {
    opId: ulid(),
    sessionId,
    entries: [messageEntry(turn, 'assistant', 'reply'), turnEntry(turn, 'completed')],
    patch: {},
  };
}

async function lastSeq(): Promise<number> {
  return (await vault.head(sessionId)).lastSeq;
}

test('a step of the daemon whose answer was lost is found when it is sent again, also behind later entries', async () => {
  const request = step(3);
  const first = await vault.append(request);
  await vault.append(step(3));
  const again = await vault.append({ ...request, retried: true });
  expect(again).toMatchObject({ firstSeq: first.firstSeq, lastSeq: first.lastSeq, turn: 3, repeated: true });
  expect(await lastSeq()).toBe(first.lastSeq + 2);
});

test('it is found when its session was forked meanwhile, which ends the segment that it is in', async () => {
  const request = step(3);
  const { firstSeq, lastSeq: seq } = await vault.append(request);
  await vault.fork({
    opId: ulid(),
    source: { sessionId },
    seq,
    messages: 6,
    newId: ulid(),
    parent: { sessionId, turn: 3 },
    turns: 3,
    title: 'fork',
    model: 'demo/offline',
    entries: [{ type: 'origin', turn: 3, at: 9, body: JSON.stringify({ sessionId, turn: 3 }), isMessage: false }],
    patch: {},
    fingerprint: 'fork',
  });
  await vault.append(step(3));
  expect(await vault.append({ ...request, retried: true })).toMatchObject({ firstSeq, repeated: true });
});

test('a step that never arrived is written when it is sent again, once', async () => {
  const before = await lastSeq();
  const request = step(3);
  expect(await vault.append({ ...request, retried: true })).toMatchObject({ firstSeq: before + 1, repeated: false });
  expect(await vault.append({ ...request, retried: true })).toMatchObject({ firstSeq: before + 1, repeated: true });
  expect(await lastSeq()).toBe(before + 2);
  expect((await vault.verify(sessionId)).problems).toEqual([]);
});
