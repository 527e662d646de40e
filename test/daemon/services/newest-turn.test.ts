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
