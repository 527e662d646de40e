import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPassphraseFile } from '../../../client/connection/passphrase-file.ts';
import { scratch } from './support/scratch.ts';

function file(content: string | Buffer, mode = 0o600): string {
  const path = join(scratch().directory, 'passphrase');
  writeFileSync(path, content, { mode });
  return path;
}

test.each([
  ['correct horse', 'correct horse'],
  ['correct horse\n', 'correct horse'],
  ['correct horse\r\n', 'correct horse'],
  ['correct horse\n\n', 'correct horse\n'],
  [' blanks belong to it \n', ' blanks belong to it '],
  ['pässwörter\n', 'pässwörter'],
])('%j is %j', (content, passphrase) => {
  expect(readPassphraseFile(file(content)).toString('utf8')).toBe(passphrase);
});

test('a file that only its owner can read will do', () => {
  expect(readPassphraseFile(file('correct horse', 0o400)).toString()).toBe('correct horse');
});

test.each([
  ['is empty', () => file('')],
  ['is empty', () => file('\n')],
  ['can be read by others', () => file('correct horse', 0o644)],
  ['can be read by others', () => file('correct horse', 0o640)],
  ['does not exist', () => join(scratch().directory, 'nothing')],
  ['is too long', () => file(Buffer.alloc(5_000, 'x'))],
  [
    'is not a regular file',
    () => {
      const path = join(scratch().directory, 'directory');
      mkdirSync(path, { mode: 0o700 });
      return path;
    },
  ],
  [
    'is not a regular file',
    () => {
      const path = join(scratch().directory, 'pipe');
      execFileSync('mkfifo', ['-m', '600', path]);
      return path;
    },
  ],
])('a file that %s is refused, by its name', (why, make) => {
  const path = make();
  expect(() => readPassphraseFile(path)).toThrow(`the passphrase file ${path} ${why}`);
});

test.skipIf(process.geteuid?.() !== 0)('a file of another user is refused', () => {
  const path = file('correct horse');
  chownSync(path, 65_534, 65_534);
  expect(() => readPassphraseFile(path)).toThrow('belongs to user 65534');
});

test('a link leads to the file whose mode counts', () => {
  const target = file('correct horse');
  const link = join(scratch().directory, 'link');
  symlinkSync(target, link);
  expect(readPassphraseFile(link).toString()).toBe('correct horse');
  chmodSync(target, 0o604);
  expect(() => readPassphraseFile(link)).toThrow('can be read by others');
});
