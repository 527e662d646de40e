import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SealedReader } from '../../../../daemon/workspace/objects/sealed-reader.ts';
import { SealedWriter } from '../../../../daemon/workspace/objects/sealed-writer.ts';
import { realDisk } from '../../../../daemon/workspace/objects/store-disk.ts';
import { TamperedFile } from '../../../../daemon/workspace/objects/store-errors.ts';
import { someKey, temporaryDirectory } from './support/side.ts';

const HEADER = 56;
const CHUNK = 65_536;

describe.each([
  ['an encrypted', someKey()],
  ['a checked', undefined],
])('%s file', (_, key) => {
  function written(contents: Buffer): string {
    const directory = temporaryDirectory();
    const writer = new SealedWriter(realDisk, directory, 'pack', key);
    for (let at = 0; at < contents.length; at += 10_000) writer.append(contents.subarray(at, at + 10_000));
    writer.finish();
    writer.publish('file');
    expect(readFileSync(join(directory, 'file')).length).toBe(writer.fileBytes);
    return join(directory, 'file');
  }

  test.each([1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])(
    'of %i bytes is read from anywhere',
    (length) => {
      const contents = randomBytes(length);
      const reader = new SealedReader(written(contents), 'pack', key);
      expect(reader.length).toBe(length);
      for (const [start, end] of [
        [0, length],
        [length - 1, length],
        [0, 0],
        [length >> 1, length],
        [1, length >> 1],
      ] as const) {
        expect(reader.read(start, end).equals(contents.subarray(start, end))).toBe(true);
      }
      expect(() => reader.read(0, length + 1)).toThrow(TamperedFile);
      reader.close();
    },
  );

  test('that lost whole chunks at its end is not taken for a shorter one', () => {
    const path = written(randomBytes(3 * CHUNK));
    const bytes = readFileSync(path);
    for (const chunks of [1, 2]) {
      writeFileSync(path, bytes.subarray(0, HEADER + chunks * (CHUNK + 16)));
      const reader = new SealedReader(path, 'pack', key);
      expect(reader.length).toBe(chunks * CHUNK);
      expect(() => reader.read(0, reader.length)).toThrow(TamperedFile);
      reader.close();
    }
  });

  test('of one kind is none of another', () => {
    const path = written(Buffer.from('a pack'));
    for (const kind of ['refs', 'journal', 'removal'] as const) {
      expect(() => new SealedReader(path, kind, key)).toThrow('another kind of file');
    }
  });
});

test('a file that is given up leaves nothing', () => {
  const directory = temporaryDirectory();
  const writer = new SealedWriter(realDisk, directory, 'pack', someKey());
  writer.discard();
  writer.append(randomBytes(200_000));
  expect(readdirSync(directory)).toHaveLength(1);
  writer.discard();
  expect(readdirSync(directory)).toEqual([]);
});
