import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stateOnDisk } from '../../../../daemon/workspace/restore/state-on-disk.ts';
import { file, link, program, stateOf } from './support/restore-rig.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'm-state-'));
});
afterEach(() => rmSync(base, { recursive: true }));
const at = (name: string) => Buffer.from(join(base, name));

test('a file, a program and a link are told as a tree would', () => {
  const large = 'x'.repeat(700_000);
  writeFileSync(join(base, 'file'), large);
  writeFileSync(join(base, 'program'), '');
  chmodSync(join(base, 'program'), 0o744);
  symlinkSync('nowhere', join(base, 'link'));
  expect(stateOnDisk(at('file')).state).toEqual(stateOf(file(large)));
  expect(stateOnDisk(at('program')).state).toEqual(stateOf(program('')));
  expect(stateOnDisk(at('link')).state).toEqual(stateOf(link('nowhere')));
  expect(stateOnDisk(at('nothing'))).toEqual({ state: undefined, isDirectory: false, stat: undefined });
});

test('a directory and a pipe are something else, and a pipe is not waited for', () => {
  mkdirSync(join(base, 'directory'));
  execFileSync('mkfifo', [join(base, 'pipe')]);
  expect(stateOnDisk(at('directory'))).toMatchObject({ state: 'other', isDirectory: true });
  expect(stateOnDisk(at('pipe'))).toMatchObject({ state: 'other', isDirectory: false });
});

test('the state is that of git', () => {
  writeFileSync(join(base, 'file'), 'a\r\nb\xff', 'latin1');
  const env = { PATH: process.env['PATH'], HOME: base, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  const id = execFileSync('git', ['hash-object', '--no-filters', join(base, 'file')], { env })
    .toString()
    .trim();
  expect(stateOnDisk(at('file')).state).toEqual({ mode: 0o100644, id });
});
