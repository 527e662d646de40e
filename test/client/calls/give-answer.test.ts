import { expect, test } from 'vitest';
import { giveAnswer } from '../../../client/calls/give-answer.ts';
import { ProtocolError, type ErrorKind } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';

/** A daemon that refuses the first answers. */
function refusing(kinds: ErrorKind[]) {
  const daemon = new FakeDaemon();
  const opIds: string[] = [];
  daemon.overrides['approval/answer'] = ({ opId }: { opId: string }) => {
    opIds.push(opId);
    const kind = kinds.shift();
    if (kind !== undefined) throw new ProtocolError(kind, 'no');
    return { state: 'allowed' };
  };
  const give = async (isAsked: () => boolean) =>
    giveAnswer(daemon.connect(), { sessionId: 's', callId: 'c', isAsked }, { decision: 'allow', scope: 'once' });
  return { opIds, give };
}

test('an answer to a daemon that does not ask again yet is given again, as the same one', async () => {
  const { opIds, give } = refusing(['CONFLICT', 'CONFLICT']);
  await give(() => true);
  expect(opIds).toHaveLength(3);
  expect(new Set(opIds).size).toBe(1);
});

test('what is answered by then, or fails for another reason, is not given again', async () => {
  const late = refusing(['CONFLICT']);
  await expect(late.give(() => false)).rejects.toMatchObject({ kind: 'CONFLICT' });
  const full = refusing(['STORAGE_FULL']);
  await expect(full.give(() => true)).rejects.toMatchObject({ kind: 'STORAGE_FULL' });
  expect([late.opIds.length, full.opIds.length]).toEqual([1, 1]);
});
