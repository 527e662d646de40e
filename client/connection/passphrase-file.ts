/** A passphrase from the file that M_PASSPHRASE_FILE names: for machines where nobody is there to type it. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import { ownUid } from './private-directory.ts';

const MAX_BYTES = 4096;
const OTHERS = 0o077;

/**
 * The passphrase as UTF-8 bytes, without a line end behind it; the caller overwrites them.
 * @throws ProtocolError KEY_UNAVAILABLE when it is not a private file of this user with something in it.
 */
export function readPassphraseFile(path: string): Buffer {
  const file = resolve(path);
  const descriptor = open(file);
  const content = Buffer.alloc(MAX_BYTES + 2);
  try {
    const { mode, uid } = check(file, descriptor);
    if (uid !== ownUid()) throw unusable(file, `belongs to user ${uid}`, `Give it to yourself, or use another file.`);
    if ((mode & OTHERS) !== 0) throw unusable(file, 'can be read by others', `Close it: chmod 600 '${file}'`);
    const length = lengthOf(content, readSync(descriptor, content, 0, content.length, 0));
    if (length === 0) throw unusable(file, 'is empty', 'Put the passphrase into it.');
    if (length > MAX_BYTES) throw unusable(file, 'is too long for a passphrase', `Use at most ${MAX_BYTES} bytes.`);
    const passphrase = Buffer.alloc(length);
    content.copy(passphrase);
    return passphrase;
  } finally {
    content.fill(0);
    closeSync(descriptor);
  }
}

function open(file: string): number {
  try {
    // A pipe in its place would otherwise wait for somebody to write into it.
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw unusable(file, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown'})`, '');
  }
}

function check(file: string, descriptor: number) {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw unusable(file, 'is not a regular file', 'Put the passphrase into a file of mode 0600.');
  return stat;
}

/** One line end behind the passphrase is not part of it: editors and `echo` put it there. */
function lengthOf(content: Buffer, length: number): number {
  if (content[length - 1] !== 0x0a) return length;
  return content[length - 2] === 0x0d ? length - 2 : length - 1;
}

function unusable(file: string, why: string, hint: string): ProtocolError {
  return new ProtocolError('KEY_UNAVAILABLE', `the passphrase file ${file} ${why}`, {
    hint: hint === '' ? 'See whether M_PASSPHRASE_FILE names the right one.' : hint,
  });
}
