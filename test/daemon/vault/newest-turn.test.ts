import { ulid } from 'ulid';
import { expect, test } from 'vitest';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

test('what is noted about a session belongs to the newest turn that has begun, not to one that waits', async () => {
  const directory = temporaryDirectory();
  const vault = await openedVault(directory.path);
  const { sessionId } = await vault.append(firstTurn('one'));
  await vault.append(nextTurn(sessionId, 2, 'two'));
  await vault.enqueue({ opId: ulid(), sessionId, at: 1, body: '{"parts":[]}', fingerprint: 'waits' });
  const noted = await vault.append({
    opId: ulid(),
    sessionId,
    entries: [{ type: 'title', turn: 0, at: 2, body: '{"title":"t","automatic":false}', isMessage: false }],
    patch: { title: 't' },
    fingerprint: 'rename',
    inNewestTurn: true,
  });
  expect(noted).toMatchObject({ turn: 2, head: { turns: 3, title: 't' } });
  expect(await vault.endOfTurn(sessionId, 2)).toMatchObject({ seq: noted.lastSeq });
  await vault.close();
  directory.remove();
});
