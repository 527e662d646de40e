import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import git from 'isomorphic-git';
import { describe, expect, test } from 'vitest';
import { exportRepository } from '../../../../daemon/workspace/objects/export-repository.ts';
import { GIT_DIRECTORY, gitFileSystem } from '../../../../daemon/workspace/objects/git-file-system.ts';
import { EMPTY_TREE, type ObjectId } from '../../../../daemon/workspace/objects/object.ts';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { encodeCommit } from '../../../../daemon/workspace/objects/commit-format.ts';
import { reachable, readCommit, readTree } from '../../../../daemon/workspace/objects/object-walk.ts';
import { RefStore } from '../../../../daemon/workspace/objects/ref-store.ts';
import {
  DestinationNotEmpty,
  ExportStopped,
  MissingObject,
} from '../../../../daemon/workspace/objects/store-errors.ts';
import { encodeTree } from '../../../../daemon/workspace/objects/tree-format.ts';
import { someKey, temporaryDirectory, writeSnapshot } from './support/side.ts';

const RUNNING = { aborted: false };

function nativeGit(repository: string, ...args: string[]): string {
  const env = { PATH: process.env['PATH'], HOME: repository, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  // Somebody else may own the directory when the tests run as root.
  return execFileSync('git', ['-c', `safe.directory=${repository}`, `--git-dir=${repository}`, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe.each([
  ['an encrypted', someKey()],
  ['a plain', undefined],
])('%s store', (_, key) => {
  function filled(): { store: ObjectStore; refs: RefStore; commits: ObjectId[] } {
    const directory = temporaryDirectory();
    const store = ObjectStore.open(directory, key, { limits: { packBytes: 200_000 } });
    const refs = RefStore.open(directory, key);
    const commits = ['fast', 'compressed'].map((mode) => {
      const batch = store.begin(mode as 'fast' | 'compressed');
      const commit = writeSnapshot(batch, {
        empty: '',
        large: randomBytes(300_000),
        text: `line of ${mode}\n`.repeat(5000),
        'name with \xe9 byte': 'latin1',
        'new\nline': 'x',
      });
      batch.commit();
      return commit;
    });
    refs.change(commits.map((id, turn) => ({ name: `snap/s/${turn + 1}-pre`, id })));
    return { store, refs, commits };
  }

  test('is read by isomorphic-git through a file system that decrypts: every ref and every object', async () => {
    const { store, refs, commits } = filled();
    const repository = { fs: gitFileSystem(store, refs), gitdir: GIT_DIRECTORY };
    expect(await git.listRefs({ ...repository, filepath: 'refs/snap' })).toEqual(['s/1-pre', 's/2-pre']);
    expect(await git.resolveRef({ ...repository, ref: 'refs/snap/s/2-pre' })).toBe(commits[1]);
    for (const id of reachable(store, commits)) {
      const { type, object } = await git.readObject({ ...repository, oid: id, format: 'content' });
      const { kind, body } = store.read(id);
      expect(type).toBe(kind);
      expect(Buffer.from(object as Uint8Array).equals(body)).toBe(true);
    }
    const { commit } = await git.readCommit({ ...repository, oid: commits[0]! });
    expect(commit).toMatchObject({ parent: [], author: { name: 'm', email: 'm@localhost', timezoneOffset: 0 } });
    const { tree } = await git.readTree({ ...repository, oid: commits[0]! });
    expect(tree.map(({ oid }) => oid).toSorted()).toEqual(
      readTree(store, readCommit(store, commits[0]!).tree)
        .map(({ id }) => id)
        .toSorted(),
    );
    const walked: string[] = await git.walk({
      ...repository,
      trees: [git.TREE({ ref: commits[0]! })],
      map: async (path, [entry]) => ((await entry?.type()) === 'blob' ? path : undefined),
    });
    expect(walked).toContain('inner directory/text');
    const { blob } = await git.readBlob({ ...repository, oid: commits[1]!, filepath: 'inner directory/text' });
    expect(Buffer.from(blob).toString()).toBe('line of compressed\n'.repeat(5000));
  });

  test('is nothing that isomorphic-git could write to, and has nothing that is not there', async () => {
    const { store, refs } = filled();
    const repository = { fs: gitFileSystem(store, refs), gitdir: GIT_DIRECTORY };
    await expect(git.writeBlob({ ...repository, blob: Buffer.from('new') })).rejects.toThrow('EROFS');
    await expect(git.writeRef({ ...repository, ref: 'refs/x', value: EMPTY_TREE })).rejects.toThrow('EROFS');
    await expect(git.readBlob({ ...repository, oid: '1'.repeat(40) })).rejects.toThrow(/Could not find/);
    await expect(repository.fs.promises.readFile('/etc/passwd')).rejects.toThrow('ENOENT');
    await expect(repository.fs.promises.readFile(`${GIT_DIRECTORY}/../etc/passwd`)).rejects.toThrow('ENOENT');
  });

  test('is exported as a bare repository that native git finds without fault', () => {
    const { store, refs, commits } = filled();
    const destination = join(temporaryDirectory(), 'deep', 'export.git');
    const report = exportRepository(store, refs, destination, RUNNING);
    const ids = reachable(store, commits);
    expect(report).toMatchObject({ objects: ids.size, refs: 2 });
    expect(nativeGit(destination, 'fsck', '--full', '--strict')).not.toContain('missing');
    const listed = nativeGit(destination, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)');
    expect(new Set(listed.trim().split('\n'))).toEqual(ids);
    expect(nativeGit(destination, 'rev-parse', 'refs/snap/s/1-pre').trim()).toBe(commits[0]);
    expect(nativeGit(destination, 'show', `${commits[1]}:text`)).toBe('line of compressed\n'.repeat(5000));
    expect(nativeGit(destination, 'count-objects', '-v')).toMatch(/count: 0\n[^]*packs: 1\n[^]*garbage: 0/);
    expect(statSync(destination).mode & 0o777).toBe(0o700);
    expect(statSync(join(destination, 'HEAD')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(destination, '..'))).toEqual(['export.git']);
  });

  test('is exported in several packs when one would be too long', () => {
    const { store, refs } = filled();
    const destination = join(temporaryDirectory(), 'export.git');
    exportRepository(store, refs, destination, RUNNING, 100_000);
    nativeGit(destination, 'fsck', '--full', '--strict');
    expect(readdirSync(join(destination, 'objects', 'pack')).length).toBeGreaterThanOrEqual(6);
  });
});

describe('an export', () => {
  function empty(): { store: ObjectStore; refs: RefStore } {
    const directory = temporaryDirectory();
    return { store: ObjectStore.open(directory, undefined), refs: RefStore.open(directory, undefined) };
  }

  test('of nothing is a repository too, and so is one of an empty workspace (case 1)', () => {
    const { store, refs } = empty();
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'empty directory'));
    exportRepository(store, refs, join(directory, 'empty directory'), RUNNING);
    nativeGit(join(directory, 'empty directory'), 'fsck', '--full', '--strict');
    const batch = store.begin('fast');
    const commit = batch.write('commit', encodeCommit({ tree: EMPTY_TREE, at: 1, subject: 'empty', body: '' }));
    batch.commit();
    refs.change([{ name: 'a', id: commit }]);
    exportRepository(store, refs, join(directory, 'two'), RUNNING);
    nativeGit(join(directory, 'two'), 'fsck', '--full', '--strict');
  });

  test('goes only where nothing is', () => {
    const { store, refs } = empty();
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'full'));
    writeFileSync(join(directory, 'full', 'mine'), '');
    symlinkSync(directory, join(directory, 'link'));
    for (const name of ['full', 'full/mine', 'link']) {
      expect(() => exportRepository(store, refs, join(directory, name), RUNNING), name).toThrow(DestinationNotEmpty);
    }
    expect(readdirSync(directory)).toEqual(['full', 'link']);
    expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true);
  });

  test('leaves nothing when it is stopped or an object is missing', () => {
    const { store, refs } = empty();
    const directory = temporaryDirectory();
    const batch = store.begin('fast');
    const whole = writeSnapshot(batch, { a: 'a' });
    const tree = batch.write('tree', encodeTree([{ name: 'hole', mode: 0o100644, id: '1'.repeat(40) }]));
    batch.commit();
    refs.change([{ name: 'whole', id: whole }]);
    const destination = join(directory, 'export');
    expect(() => exportRepository(store, refs, destination, { aborted: true })).toThrow(ExportStopped);
    refs.change([{ name: 'hole', id: tree }]);
    expect(() => exportRepository(store, refs, destination, RUNNING)).toThrow(MissingObject);
    expect(existsSync(destination)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });
});
