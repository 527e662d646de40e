import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { patchName } from '../../../client/files/patch-name.ts';

const NAMES: readonly (readonly [wire: string, bytes: string | Buffer])[] = [
  ['plain', 'plain'],
  ['sp ace  two', 'sp ace  two'],
  ['tab\tnew\nline', 'tab\tnew\nline'],
  ['say "hi"', 'say "hi"'],
  ['back\\slash 1', 'back\\slash 1'],
  ['grün', 'grün'],
  ['esc\x1b[31m', 'esc\x1b[31m'],
  ['stray\udcff', Buffer.from([...Buffer.from('stray'), 0xff])],
  ['both ü\udce9"', Buffer.from([...Buffer.from('both ü'), 0xe9, 0x22])],
];

test('a name is quoted only when it has to be', () => {
  expect(patchName('b/grün')).toBe('b/grün');
  expect(patchName('b/two words')).toBe('b/two words\t');
  expect(patchName('b/a\nb\udcffü')).toBe(String.raw`"b/a\012b\377\303\274"`);
});

test.skipIf(spawnSync('git', ['--version']).error !== undefined)('git makes the files that are meant', () => {
  const directory = mkdtempSync(join(tmpdir(), 'm-patch-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const patch = NAMES.map(([wire]) => `--- /dev/null\n+++ ${patchName(`b/${wire}`)}\n@@ -0,0 +1,1 @@\n+x\n`).join('');
  const env = { PATH: process.env['PATH'], HOME: directory, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  execFileSync('git', ['apply', '-'], {
    cwd: directory,
    input: patch,
    env: { ...env, GIT_CEILING_DIRECTORIES: tmpdir() },
  });
  const made = readdirSync(directory, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  expect(made.sort()).toEqual(NAMES.map(([, name]) => Buffer.from(name).toString('latin1')).sort());
});
