import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refuseRoot } from '../../../../daemon/workspace/scan/refuse-root.ts';

let base: string;
beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'm-refuse-')));
  for (const path of ['people/me/project', 'people/me/.data/m/side', 'people/me2', 'far'])
    mkdirSync(join(base, path), { recursive: true });
  symlinkSync(join(base, 'people/me'), join(base, 'home-link'));
  symlinkSync(base, join(base, 'base-link'));
});
afterAll(() => rmSync(base, { recursive: true }));

test.each([
  ['/', /whole file system/],
  ['people/me', /is your home directory/],
  ['people', /your home directory is in it/],
  ['.', /your home directory is in it/],
  ['home-link', /is your home directory/],
  ['base-link/people/me', /is your home directory/],
  ['base-link/people', /your home directory is in it/],
  ['base-link/people/me/.data/m', /belongs to the data directory/],
  ['people/me/.data', /the data directory of m is in it/],
  ['people/me/.data/m', /belongs to the data directory/],
  ['people/me/.data/m/side', /belongs to the data directory/],
  ['/proc/self', /view of the kernel/],
  ['/dev', /view of the kernel/],
])('%s is no workspace', (path, why) => {
  const root = path.startsWith('/') ? path : join(base, path);
  const sentence = refuseRoot(root, { home: join(base, 'home-link'), dataDirectory: join(base, 'people/me/.data/m') });
  expect(sentence).toMatch(why);
  expect(sentence).toContain(root);
  expect(sentence).toContain('Start in the directory of a project');
});

test.each(['people/me/project', 'people/me2', 'far', '/dev/shm/project'])('%s is one', (path) => {
  const root = path.startsWith('/') ? path : join(base, path);
  const places = { home: join(base, 'people/me'), dataDirectory: join(base, 'people/me/.data/m') };
  expect(refuseRoot(root, places)).toBeUndefined();
  expect(refuseRoot(root, { ...places, dataDirectory: join(base, 'not/there') })).toBeUndefined();
});
