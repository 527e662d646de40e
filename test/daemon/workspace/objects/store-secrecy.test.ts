import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { reachable } from '../../../../daemon/workspace/objects/object-walk.ts';
import { RefStore } from '../../../../daemon/workspace/objects/ref-store.ts';
import { someKey, temporaryDirectory, writeSnapshot } from './support/side.ts';

/** Everything that the files of a directory say, and what they are called. */
function everythingIn(directory: string): Buffer {
  return Buffer.concat(
    readdirSync(directory).flatMap((name) => [Buffer.from(name), readFileSync(join(directory, name))]),
  );
}

test('no content, name or content hash is on disk, neither while a batch is written nor afterwards', () => {
  const directory = temporaryDirectory();
  const key = someKey();
  const store = ObjectStore.open(directory, key);
  const refs = RefStore.open(directory, key);
  const canaries = [Buffer.from('content-canary'), Buffer.from('name-canary'), Buffer.from('snap/')];
  const looksFor = () => {
    const bytes = everythingIn(directory);
    for (const canary of canaries) expect(bytes.includes(canary), canary.toString('latin1')).toBe(false);
    return bytes.length;
  };
  for (const mode of ['fast', 'compressed'] as const) {
    const batch = store.begin(mode);
    const commit = writeSnapshot(batch, {
      'name-canary': `content-canary ${mode}`,
      filling: randomBytes(150_000),
      other: 'content-canary '.repeat(20_000),
    });
    expect(looksFor()).toBeGreaterThan(0);
    batch.commit();
    refs.change([{ name: `snap/session-${mode}`, id: commit }]);
    for (const id of reachable(store, [commit])) canaries.push(Buffer.from(id), Buffer.from(id, 'hex'));
    expect(looksFor()).toBeGreaterThan(150_000);
  }
  // The same look finds them where nothing is encrypted.
  const plainly = temporaryDirectory();
  const batch = ObjectStore.open(plainly, undefined).begin('fast');
  writeSnapshot(batch, { 'name-canary': 'content-canary' });
  batch.commit();
  expect(everythingIn(plainly).includes('content-canary')).toBe(true);
});

test('the same content looks different every time', () => {
  const directory = temporaryDirectory();
  const key = someKey();
  const contents = [1, 2].map((turn) => {
    const batch = ObjectStore.open(join(directory, `${turn}`), key).begin('fast');
    batch.write('blob', Buffer.alloc(65_536 * 2, 'same'));
    batch.commit();
    return everythingIn(join(directory, `${turn}`));
  });
  const blocks = new Set<string>();
  for (const content of contents) {
    // Beyond the parts of the header that say what the file is.
    for (let at = 64; at + 16 <= content.length; at += 16) blocks.add(content.toString('latin1', at, at + 16));
  }
  expect(blocks.size).toBe(contents.reduce((sum, content) => sum + Math.floor((content.length - 64) / 16), 0));
});
