/** Whether the database is there and is one, as far as that can be seen without opening it. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { broken, note, type Check, type Finding, type Patient } from './finding.ts';

/** With which every database of SQLite begins. */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');
const BACKUP = 'Restore the directory `store` from a backup.';

export const checkStore: Check = (patient) => {
  const { dataDirectory } = patient.locations;
  const file = databaseOf(patient);
  if (sizeOf(file) === 0) return whatIsGone(file, join(dataDirectory, 'key'));
  if (begins(file)) return [];
  return [broken('store', `${file} does not begin like a database`, `Stop the daemon and keep a copy. ${BACKUP}`)];
};

/** Whether there is anything that a key is for. */
export function hasStore(patient: Patient): boolean {
  return existsSync(databaseOf(patient));
}

function whatIsGone(file: string, key: string): Finding[] {
  const log = `${file}-wal`;
  if (sizeOf(log) > 0) {
    return [
      broken(
        'store',
        `${file} is gone or empty, but its write-ahead log is not`,
        `${BACKUP} Or move ${log} away to begin anew.`,
      ),
    ];
  }
  if (existsSync(key)) {
    const anew = `Otherwise the next conversation makes a new store with that key.`;
    return [broken('store', `${file} is gone or empty, but its key file ${key} is not`, `${BACKUP} ${anew}`)];
  }
  return [note('store', 'there is none yet; the first conversation makes it')];
}

function begins(file: string): boolean {
  const start = Buffer.alloc(MAGIC.length);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, start, 0, start.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return start.equals(MAGIC);
}

function databaseOf({ locations }: Patient): string {
  return join(locations.dataDirectory, 'store', 'm.db');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
