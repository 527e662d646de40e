/** What fails for a reason that is known is told as that; only what nobody expected is a bug. */
import { expect, test } from 'vitest';
import type { Log } from '../../daemon/log.ts';
import { safeEvent } from '../../daemon/logging/log-fields.ts';
import { failureTeller } from '../../daemon/snapshot-failures.ts';
import { ERROR_KINDS, ProtocolError } from '../../protocol/errors.ts';

const WHAT = ['snapshots not cleared up', 'snapshots of a session not updated', 'restores were not completed'];

function listening() {
  const told: string[] = [];
  const bugs: unknown[] = [];
  const warn: Log['warn'] = (event, fields) => void told.push(`${safeEvent(event)} ${fields?.kind ?? ''}`);
  const tell = failureTeller({ warn } as Log, (_component, error) => `trace-${bugs.push(error)}`);
  return { told, bugs, tell };
}

test('a known reason is told in words that the log takes, whatever failed', () => {
  const { told, bugs, tell } = listening();
  for (const what of WHAT) for (const kind of ERROR_KINDS) tell(what, new ProtocolError(kind, '/a/secret path'));
  expect(told).toHaveLength(WHAT.length * ERROR_KINDS.length);
  expect(told.filter((line) => line.includes('unnamed') || line.includes('secret'))).toEqual([]);
  expect(told).toContain('snapshots not cleared up because the disk is full STORAGE_FULL');
  expect(bugs).toEqual([]);
});

test('what nobody expected is reported as such', () => {
  const { told, bugs, tell } = listening();
  const bug = new TypeError('x is not a function');
  tell('snapshots not cleared up', bug);
  expect([told, bugs]).toEqual([[], [bug]]);
});
