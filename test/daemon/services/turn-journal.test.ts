/** What becomes of output that the store does not take. */
import { expect, test } from 'vitest';
import { Journal, type JournalParts } from '../../../daemon/services/turn-journal.ts';
import { ProtocolError, type ErrorKind } from '../../../protocol/errors.ts';

/** A journal whose store answers each stretch with the next of these, and what it said of the session being saved. */
function journal(...answers: readonly (ErrorKind | 'stored')[]) {
  const told: string[] = [];
  const left = [...answers];
  const parts = {
    vault: {
      appendOutput: () => {
        const kind = left.shift() ?? 'stored';
        return kind === 'stored' ? Promise.resolve() : Promise.reject(new ProtocolError(kind, `because of ${kind}`));
      },
    },
    writer: { saved: () => told.push('saved'), notSaved: () => told.push('not saved') },
  } as unknown as JournalParts;
  const place = { sessionId: 'S', turn: 1 } as never;
  const host = { signal: new AbortController().signal } as never;
  const sink = new Journal(place, undefined as never, parts, host, new Map()).sink('call');
  return { keep: () => sink.keep('text'), told, left };
}

test.each([
  ['STORAGE_FULL', 'the disk is full'],
  ['LIMIT_REACHED', 'because of LIMIT_REACHED'],
] as const)(
  'output is given up at once after %s, and the session does not count as not saved',
  async (kind, message) => {
    const { keep, told } = journal(kind);
    await expect(keep()).rejects.toMatchObject({ kind: 'LIMIT_REACHED', message });
    expect(told).toEqual([]);
  },
);

test('output waits while the disk reports errors, and no longer when there is no room left', async () => {
  const passing = journal('STORAGE_FAILED', 'stored');
  const full = journal('STORAGE_FAILED', 'STORAGE_FULL');
  const ends = await Promise.allSettled([passing.keep(), full.keep()]);
  expect(ends).toMatchObject([{ status: 'fulfilled' }, { reason: { kind: 'LIMIT_REACHED' } }]);
  expect([passing.told, full.told]).toEqual([
    ['not saved', 'saved'],
    ['not saved', 'saved'],
  ]);
  expect([...passing.left, ...full.left]).toEqual([]);
});
