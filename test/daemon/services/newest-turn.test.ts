import { expect, onTestFinished, test } from 'vitest';
import { readOpenStep } from '../../../daemon/services/open-step.ts';
import { readProgress } from '../../../daemon/services/turn-recovery.ts';
import type { ReadRequest, VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

/** A session of so many finished turns, and how many of its entries are read. */
async function sessionOf(turns: number) {
  const directory = temporaryDirectory();
  const vault = await openedVault(directory.path);
  onTestFinished(async () => {
    await vault.close();
    directory.remove();
  });
  const { sessionId } = await vault.append(firstTurn('one'));
  for (let turn = 2; turn <= turns; turn += 1) await vault.append(nextTurn(sessionId, turn, `${turn}`));
  let entries = 0;
  const read = async (request: ReadRequest) => {
    const page = await vault.read(request);
    entries += page.entries.length;
    return page;
  };
  const counted: VaultPort = { ...vault, read };
  return { vault: counted, sessionId, head: await vault.head(sessionId), read: () => entries };
}

test('how far a turn has come is read from its own entries, however long the session is', async () => {
  const { vault, sessionId, head, read } = await sessionOf(200);
  expect(await readOpenStep(vault, sessionId, 200)).toMatchObject({ untouched: [], begun: [] });
  expect(await readProgress(vault, head)).toMatchObject({ turn: 200, state: 'completed', step: 2 });
  expect(read()).toBeLessThanOrEqual(100);
});

test.each([
  ['read', false],
  ['edit', true],
  ['command', true],
] as const)('a turn in which a call to %s had begun may have changed files: %s', async (effect, expected) => {
  const { vault, sessionId, head } = await sessionOf(1);
  const entry = (type: 'turn' | 'message' | 'call', body: unknown) => ({
    type,
    turn: 2,
    at: Date.now(),
    body: JSON.stringify(body),
    isMessage: type === 'message',
  });
  const reply = entry('message', { role: 'assistant', parts: [{ type: 'text', text: 'I look' }] });
  const entries = [entry('turn', { state: 'running', model: 'm/m' }), reply];
  await vault.append({ opId: 'a', sessionId, entries, patch: {} });
  expect(await readProgress(vault, head)).toMatchObject({ turn: 2, step: 2, mayHaveChanged: false });
  const call = entry('call', { callId: 'c', name: 'x', effect, title: '', paths: [] });
  await vault.append({ opId: 'b', sessionId, entries: [call], patch: {} });
  expect(await readProgress(vault, head)).toMatchObject({ turn: 2, step: 2, mayHaveChanged: expected });
});
