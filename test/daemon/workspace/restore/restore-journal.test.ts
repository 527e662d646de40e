import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realDisk } from '../../../../daemon/workspace/objects/store-disk.ts';
import { StoreFull } from '../../../../daemon/workspace/objects/store-errors.ts';
import {
  RestoreJournal,
  RestoreUnfinished,
  TamperedJournal,
  type JournalRecord,
} from '../../../../daemon/workspace/restore/restore-journal.ts';
import { file, KEY, stateOf } from './support/restore-rig.ts';
import { systemError } from './support/stopping-disk.ts';

const id = 'a'.repeat(40);
const record: JournalRecord = {
  order: {
    session: 'secret-session',
    turn: 2,
    phase: 'post',
    safety: { tree: id, commit: id },
    target: id,
    started: 5,
  },
  mark: '0123456789abcdef',
  writes: [
    {
      path: 'secret-\xff\xfe-name',
      before: undefined,
      after: stateOf(file('1')) ?? { mode: 0o100644, id },
      kind: 'added',
      byShell: true,
      despite: undefined,
    },
  ],
  deletes: [],
  directories: ['secret-directory'],
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'm-journal-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
const place = () => join(directory, 'restore-journal');

test.each([
  ['under a key', KEY],
  ['without one', undefined],
])('a journal %s says after a crash what was begun, and nothing once it has ended', (_, key) => {
  const journal = new RestoreJournal(directory, key);
  expect(journal.read()).toBe(undefined);
  journal.begin(record);
  const other = new RestoreJournal(directory, key);
  expect(other.read()).toEqual(record);
  expect(() => other.begin(record)).toThrow(RestoreUnfinished);
  other.end();
  expect(journal.read()).toBe(undefined);
  expect(readdirSync(directory)).toEqual([]);
});

test('names of files are nowhere in a sealed journal, and nobody else may read it', () => {
  new RestoreJournal(directory, KEY).begin(record);
  expect(readFileSync(place(), 'latin1')).not.toContain('secret');
  expect(statSync(place()).mode & 0o777).toBe(0o600);
});

test('a journal that was changed, cut off, or written under another key does nothing', () => {
  const journal = new RestoreJournal(directory, KEY);
  journal.begin(record);
  const bytes = readFileSync(place());
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(place(), changed);
    expect(() => journal.read()).toThrow(TamperedJournal);
    writeFileSync(place(), bytes.subarray(0, at));
    expect(() => journal.read()).toThrow(TamperedJournal);
  }
  writeFileSync(place(), bytes);
  const other = createSecretKey(randomBytes(32));
  for (const key of [other, undefined]) {
    expect(() => new RestoreJournal(directory, key).read()).toThrow(TamperedJournal);
  }
  expect(journal.read()).toEqual(record);
});

test('a plain journal that was damaged does nothing', () => {
  const journal = new RestoreJournal(directory, undefined);
  journal.begin(record);
  const bytes = readFileSync(place());
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
  writeFileSync(place(), bytes);
  expect(() => journal.read()).toThrow(TamperedJournal);
});

test.each(['write', 'sync', 'rename', 'syncDirectory'] as const)(
  'a disk that is full at %s leaves no journal behind, so that nothing is completed that was refused',
  (step) => {
    const disk = {
      ...realDisk,
      [step]: () => {
        throw systemError('ENOSPC');
      },
    };
    expect(() => new RestoreJournal(directory, KEY, disk).begin(record)).toThrow(StoreFull);
    expect(readdirSync(directory)).toEqual([]);
  },
);
