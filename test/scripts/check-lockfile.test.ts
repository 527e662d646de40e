/** The lockfile check sees each way in which `npm ci` would stop working elsewhere. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockfileFaults } from '../../scripts/check-lockfile.ts';
import { standInTree } from '../support/stand-in-tree.ts';

interface LockedPackage {
  version: string;
  gypfile?: boolean;
  resolved?: string;
}

function edit<T>(root: string, name: string, change: (content: T) => void): void {
  const content = JSON.parse(readFileSync(join(root, name), 'utf8')) as T;
  change(content);
  writeFileSync(join(root, name), JSON.stringify(content));
}

const manifest = (root: string, change: (content: Record<string, Record<string, unknown>>) => void) =>
  edit(root, 'package.json', change);
const locked = (root: string, change: (packages: Record<string, LockedPackage>) => void) =>
  edit(root, 'package-lock.json', (content: { packages: Record<string, LockedPackage> }) => change(content.packages));

test('the lockfile of the repository is in order', () => {
  expect(lockfileFaults(join(import.meta.dirname, '..', '..'))).toEqual([]);
});

test.each<[fault: string, plant: (root: string) => void, sentence: RegExp]>([
  [
    'a database that would be compiled',
    (root) => locked(root, (packages) => delete packages['node_modules/better-sqlite3']?.gypfile),
    /better-sqlite3 would be compiled/,
  ],
  [
    'a download address',
    (root) => locked(root, (packages) => Object.assign(packages['node_modules/ulid'] ?? {}, { resolved: 'file:x' })),
    /node_modules\/ulid has a download address/,
  ],
  [
    'addresses that would come back',
    (root) => writeFileSync(join(root, '.npmrc'), 'loglevel=error\n'),
    /omit-lockfile/,
  ],
  [
    'a version range',
    (root) => manifest(root, (content) => Object.assign(content['devDependencies'] ?? {}, { zod: '^4.0.0' })),
    /zod is asked for as "\^4\.0\.0"/,
  ],
  [
    'a version range of what may be left out',
    (root) => manifest(root, (content) => Object.assign(content, { optionalDependencies: { '@parcel/watcher': '2' } })),
    /@parcel\/watcher is asked for as "2"/,
  ],
  [
    'a missing build of what may be left out',
    (root) => locked(root, (packages) => delete packages['node_modules/@parcel/watcher-darwin-arm64']),
    /@parcel\/watcher-darwin-arm64.*is not in the lockfile/,
  ],
  [
    'a version that is not the locked one',
    (root) => manifest(root, (content) => Object.assign(content['devDependencies'] ?? {}, { zod: '4.0.0' })),
    /zod is 4\.0\.0 in package\.json and \d/,
  ],
  ['no decision about scripts', (root) => manifest(root, (content) => delete content['allowScripts']), /"node" run/],
  [
    'an undecided install script',
    (root) => manifest(root, (content) => delete content['allowScripts']?.['esbuild']),
    /esbuild has an install script/,
  ],
  [
    'a missing build for another platform',
    (root) => locked(root, (packages) => delete packages['node_modules/@swc/core-darwin-arm64']),
    /@swc\/core-darwin-arm64.*is not in the lockfile/,
  ],
])('%s is a fault', (_fault, plant, sentence) => {
  const root = standInTree();
  plant(root);
  expect(lockfileFaults(root)).toEqual([expect.stringMatching(sentence)]);
});
