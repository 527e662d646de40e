import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { recompress } from '../../../../daemon/workspace/prune/recompress.ts';
import { someKey, temporaryDirectory } from '../objects/support/side.ts';
import { expectWhole, open, packBytes, pruneNow, take, type Files } from './support/prune-rig.ts';

const files: Files = {
  text: Buffer.from(Array.from({ length: 5000 }, (_, line) => `line ${line}\n`).join('')),
  image: randomBytes(30_000),
};

test('what was stored in a hurry becomes smaller, once', () => {
  const directory = temporaryDirectory();
  const key = someKey();
  const opened = open(directory, key);
  take(opened, 'a', files, 'fast');
  const before = packBytes(opened);
  const report = recompress(opened.store).finish();
  expect(report).toMatchObject({ packs: 1, freedBytes: before - packBytes(opened) });
  expect(packBytes(opened)).toBeLessThan(before * 0.6);
  for (const each of [opened, open(directory, key)]) {
    expectWhole(each, new Map([['a', files]]));
    expect(recompress(each.store).finish()).toMatchObject({ packs: 0, freedBytes: 0 });
  }
});

test('what does not become smaller is not tried again, also after it was moved', () => {
  const opened = open(temporaryDirectory(), someKey());
  const { image } = files as { image: Buffer };
  const batch = opened.store.begin('fast');
  batch.write('blob', image);
  batch.commit();
  expect(recompress(opened.store).finish()).toMatchObject({ packs: 1, freedBytes: 0 });
  expect(recompress(opened.store).finish()).toMatchObject({ packs: 0 });
  take(opened, 'a', { image });
  take(opened, 'b', { image, more: randomBytes(100_000) });
  pruneNow(opened, { expired: ['b'], thorough: true });
  expect(recompress(opened.store).finish()).toMatchObject({ packs: 0 });
  expectWhole(opened, new Map([['a', { image }]]));
});

test('what was compressed while somebody waited stays as it is', () => {
  const opened = open(temporaryDirectory(), someKey());
  take(opened, 'a', files, 'compressed');
  expect(recompress(opened.store).finish()).toMatchObject({ packs: 0, freedBytes: 0 });
});
