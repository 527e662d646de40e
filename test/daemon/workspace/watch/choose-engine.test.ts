import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseEngine, type Circumstances } from '../../../../daemon/workspace/watch/choose-engine.ts';
import { silenceOf, silenceOfOthers, silenceWithin } from '../../../../daemon/workspace/watch/file-systems.ts';
import { mountsWithin } from '../../../../daemon/workspace/watch/mounts.ts';

const LARGE: Circumstances = {
  setting: 'auto',
  files: 20_001,
  platform: 'linux',
  scannedQuickly: 20_000,
  silence: undefined,
  refusal: undefined,
  isWatched: false,
};

test.each<[string, Partial<Circumstances>, 'scan' | 'watch', string]>([
  ['a large workspace is watched', {}, 'watch', '20001 files take long to scan'],
  ['a small one is scanned', { files: 20_000 }, 'scan', '20000 files are scanned quickly'],
  [
    'one that is watched stays so a while',
    { files: 10_001, isWatched: true },
    'watch',
    '10001 files take long to scan',
  ],
  ['and not for ever', { files: 10_000, isWatched: true }, 'scan', '10000 files are scanned quickly'],
  ['a small one is watched for who wants it', { files: 3, setting: 'on' }, 'watch', 'snapshots_watch is on'],
  ['a large one is scanned for who wants it', { setting: 'off' }, 'scan', 'snapshots_watch is off'],
  ['what changes untold is scanned', { silence: 'NFS does not tell' }, 'scan', 'NFS does not tell'],
  ['and no setting changes that', { silence: 'NFS does not tell', setting: 'on' }, 'scan', 'NFS does not tell'],
  ['what could not be watched is scanned', { refusal: 'no watches left', setting: 'on' }, 'scan', 'no watches left'],
  [
    'where an answer takes longer, a larger one is scanned too',
    { scannedQuickly: 100_000 },
    'scan',
    '20001 files are scanned quickly',
  ],
  [
    'a system without watches is scanned',
    { platform: 'freebsd', scannedQuickly: undefined, setting: 'on' },
    'scan',
    'watching is not available on freebsd',
  ],
])('%s', (_, circumstances, engine, reason) => {
  expect(chooseEngine({ ...LARGE, ...circumstances })).toEqual({ engine, reason });
});

test('file systems of this machine tell, those of others and unknown ones do not', () => {
  expect([0xef53, 0x01021994, 0x794c7630, 0x9123683e].map(silenceOf)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(silenceOf(0x6969)).toContain('NFS');
  expect(silenceOf(0x65735546)).toContain('FUSE');
  expect(silenceOf(0x12345)).toContain('0x12345');
});

test.skipIf(process.platform !== 'linux')('the file system of the temporary directory is asked', () => {
  const root = mkdtempSync(join(tmpdir(), 'm-kind-'));
  expect(() => silenceWithin(root)).not.toThrow();
  expect(silenceWithin('/proc')).toBeDefined();
  rmSync(root, { recursive: true });
  expect(silenceWithin(root)).toContain('cannot be asked');
});

test.skipIf(process.platform === 'win32')(
  'only file systems of the kind that the system is on tell where kinds have no names',
  () => {
    const root = mkdtempSync(join(tmpdir(), 'm-kind-'));
    expect(silenceOfOthers(root, root)).toBeUndefined();
    if (process.platform === 'linux') expect(silenceOfOthers('/proc', root)).toContain('of another kind');
    rmSync(root, { recursive: true });
    expect(silenceOfOthers(root)).toContain('cannot be asked');
  },
);

test('places where something is mounted are found below a root, and nowhere else', () => {
  const table = [
    '36 35 98:0 / / rw - ext4 /dev/root rw',
    '37 36 0:3 / /work rw - ext4 /dev/a rw',
    '38 37 0:4 / /work/data rw - nfs server:/x rw',
    '39 37 0:5 / /work/with\\040blank\\134 rw - tmpfs none rw',
    '40 36 0:6 / /workshop rw - tmpfs none rw',
    '41 37 0:7 / /work/caf\u00c3\u00a9 rw - tmpfs none rw',
    '',
  ].join('\n');
  expect(mountsWithin('/work', table)).toEqual(['/work/data', '/work/with blank\\', '/work/café']);
});
