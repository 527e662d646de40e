/** What snapshots take on the disk, and whether old ones go. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sizeText } from '../../calls/command-result.ts';
import { harmlessRow } from '../../calls/text-lines.ts';
import { localTime } from '../../command-line/wording.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import { note, ok, type Check, type Finding, type Patient } from './finding.ts';

const CHECK = 'snapshots';
/** Old snapshots go once a day, while a daemon runs. */
const OVERDUE_MS = 3 * 24 * 60 * 60 * 1000;
const PRUNE = 'Remove old ones now: mctl snapshots prune. `mctl snapshots status --all` shows where they are.';
const PROTECTED = 'What that leaves is protected: allow more, or delete or unpin sessions, or delete saves.';

const RETRY = 'See to the reason, then try it again: mctl snapshots prune.';

export const checkSnapshots: Check = async (patient) => {
  const bytes = bytesBelow(join(patient.locations.dataDirectory, 'workspaces'));
  const usage = await askForUsage(patient);
  if (bytes === 0) return [];
  const stored = `${sizeText(bytes)} stored`;
  if (usage === undefined) return [ok(CHECK, stored)];
  const { snapshotBytes, maxStoredBytes, prunedAt, announcedFor, failing = [] } = usage;
  const limit =
    maxStoredBytes === 0 ? '' : `, ${sizeText(snapshotBytes)} of it snapshots of at most ${sizeText(maxStoredBytes)}`;
  const isOver = maxStoredBytes > 0 && snapshotBytes > maxStoredBytes;
  return [
    isOver
      ? note(CHECK, `${stored}, more than snapshots_max_stored_megabytes allows`, `${PRUNE} ${PROTECTED}`)
      : ok(CHECK, stored + limit),
    ...(announcedFor === null ? [] : [note(CHECK, `old ones will be removed from ${localTime(announcedFor)} on`)]),
    ...overdue(prunedAt),
    ...failing.map(({ workspace, problem, since }) => {
      const where = harmlessRow(workspace);
      return note(
        CHECK,
        `old ones of ${where} cannot be removed since ${localTime(since)}: ${harmlessRow(problem)}`,
        RETRY,
      );
    }),
  ];
};

function overdue(prunedAt: string | null): Finding[] {
  if (prunedAt === null || Date.now() - Date.parse(prunedAt) < OVERDUE_MS) return [];
  return [note(CHECK, `old ones were last removed at ${localTime(prunedAt)}, which is done once a day`, PRUNE)];
}

/** Looks only. @returns undefined without a daemon, or while the store is locked. */
async function askForUsage({ context, daemon }: Patient): Promise<ResultOf<'snapshot/usage'> | undefined> {
  if (daemon?.keyState !== 'unlocked') return undefined;
  try {
    const client = await context.connect({ startDaemon: false, onlyLooks: true });
    return await client.call('snapshot/usage', {});
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Of directories of directories. */
function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const name of readIfThere(directory)) {
    for (const file of readIfThere(join(directory, name))) {
      const stats = statSync(join(directory, name, file), { throwIfNoEntry: false });
      if (stats?.isFile() === true) bytes += stats.size;
    }
  }
  return bytes;
}

function readIfThere(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
