/** Whether what is stored of a workspace is encrypted: decided when it is made, and written beside it in plain. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '../../../protocol/errors.ts';
import { isGone } from '../objects/store-errors.ts';

export type StoreFormat = 'encrypted' | 'plain';

/** In the directory of a side repository that has been made. */
export const FORMAT_FILE = 'format';
const TEMPORARY = 'tmp_format';
const VERSION = 1;

/**
 * @param encrypt for a directory in which nothing is yet. One that lies about its format does not open: what is encrypted
 * does not verify as plain, nor the other way round.
 * @throws ProtocolError STORE_TOO_NEW
 */
export function storeFormat(directory: string, encrypt: boolean): StoreFormat {
  const path = join(directory, FORMAT_FILE);
  const known = readIfThere(path);
  if (known !== undefined) return parse(known);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const format: StoreFormat = encrypt ? 'encrypted' : 'plain';
  const temporary = join(directory, TEMPORARY);
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, `m snapshots ${VERSION} ${format}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  return format;
}

function parse(text: string): StoreFormat {
  const [, version, format] = /^m snapshots (\d+) (encrypted|plain)\n$/.exec(text) ?? [];
  if (Number(version) === VERSION && (format === 'encrypted' || format === 'plain')) return format;
  throw new ProtocolError('STORE_TOO_NEW', 'the snapshots of this workspace were written by another version of m', {
    hint: 'use the newest version of m that has been used here',
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
