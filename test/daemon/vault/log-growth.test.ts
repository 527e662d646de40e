/** The write-ahead log stays within a bound, however long somebody reads, and is emptied. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { ulid } from 'ulid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, messageEntry, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

/** A thousand pages start a checkpoint, after which the log is begun anew; one transaction may come on top of them. */
const BOUND_BYTES = 1000 * (4096 + 24) + 1024 * 1024;
/** What is kept of a log that had to be longer: `journal_size_limit`. */
const KEPT_BYTES = 16 * 1024 * 1024;

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

function logBytes(): number {
  return statSync(join(directory.path, 'store', 'm.db-wal')).size;
}

async function append(sessionId: string, bytes: number, entries = 1): Promise<void> {
  const text = 'x'.repeat(bytes);
  await vault.append({
    opId: ulid(),
    sessionId,
    entries: Array.from({ length: entries }, () => messageEntry(1, 'assistant', text)),
    patch: {},
  });
}

test('many commits beside checks, lists and pages that never end keep the log below five megabytes', async () => {
  const { sessionId } = await vault.append(firstTurn('read all the time'));
  for (let index = 0; index < 20; index += 1) await append(sessionId, 1000, 50);
  let over = false;
  let rounds = 0;
  const read = async (): Promise<void> => {
    while (!over) {
      const page = { sessionId, after: 0, limit: 500, maxBytes: 1e6 };
      await Promise.all([
        vault.verify(sessionId),
        vault.verifyRest(),
        vault.list({ archived: 'include', limit: 10, filter: 'x' }),
        vault.read(page),
      ]);
      rounds += 1;
    }
  };
  const reading = read();
  let longest = 0;
  let written = 0;
  try {
    while (written < 3 * BOUND_BYTES || rounds < 3) {
      await append(sessionId, 100_000);
      written += 100_000;
      // As in the worker, where the jobs go on between two groups of calls.
      await immediate();
      longest = Math.max(longest, logBytes());
    }
  } finally {
    over = true;
    await reading;
  }
  expect(longest).toBeGreaterThan(0);
  expect(longest).toBeLessThan(BOUND_BYTES);
});

test('a log that one large transaction has made longer is cut again by what follows', async () => {
  const { sessionId } = await vault.append(firstTurn('large'));
  await append(sessionId, 1_000_000, 40);
  expect(logBytes()).toBeGreaterThan(KEPT_BYTES);
  await append(sessionId, 10);
  await append(sessionId, 10);
  expect(logBytes()).toBeLessThanOrEqual(KEPT_BYTES);
});
