import { expect, test } from 'vitest';
import { Output } from '../../../client/command-line/output.ts';
import { KeptStream } from '../../support/fake-surroundings.ts';

class SlowStream extends KeptStream {
  isFull = false;

  override write(text: string): boolean {
    super.write(text);
    return !this.isFull;
  }
}

test('a slow reader is waited for', async () => {
  const stream = new SlowStream(false);
  const output = new Output(stream);
  await output.drained();
  stream.isFull = true;
  output.write('page');
  let isDrained = false;
  const drained = output.drained().then(() => {
    isDrained = true;
  });
  await Promise.resolve();
  expect(isDrained).toBe(false);
  stream.emit('drain');
  await drained;
});

test('a reader that has gone ends the writing without an error', async () => {
  const stream = new SlowStream(false);
  const output = new Output(stream);
  stream.isFull = true;
  output.write('page');
  const drained = output.drained();
  stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await drained;
  output.write('more');
  expect(stream.text).toBe('page');
  expect(output.gone.aborted).toBe(true);
  expect(output.failure).toBeUndefined();
});

test('a disk that is full is a failure', () => {
  const stream = new KeptStream(false);
  const output = new Output(stream);
  stream.emit('error', Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }));
  expect(output.failure?.message).toBe('write ENOSPC');
});
