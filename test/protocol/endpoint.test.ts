import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MAX_SOCKET_PATH_BYTES, endpointOf } from '../../protocol/endpoint.ts';

/** `sun_path` of macOS, the smallest in use, without the zero at its end. */
const LONGEST_ANYWHERE = 103;
/** As a daemon names its socket before it publishes it, with the largest process id of Linux. */
const LONGEST_OWN_NAME = '.s4194304';

test.each([1, 50, 90, 91, 92, 93, 94, 100, 104, 108, 200, 4000])(
  'a data directory of %i bytes has a socket that fits',
  (length) => {
    const directory = `/${'x'.repeat(length - 1)}`;
    const { socketPath, socketDirectory, runDirectory } = endpointOf(directory, 501);
    expect(Buffer.byteLength(socketPath)).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
    expect(Buffer.byteLength(join(socketDirectory, LONGEST_OWN_NAME))).toBeLessThanOrEqual(LONGEST_ANYWHERE);
    expect(socketDirectory === runDirectory).toBe(
      Buffer.byteLength(join(runDirectory, 'd.sock')) <= MAX_SOCKET_PATH_BYTES,
    );
  },
);

test('letters of several bytes count as what they are', () => {
  expect(endpointOf(`/${'ä'.repeat(60)}`, 501).socketPath).toMatch(/^\/tmp\/m-501-[0-9a-f]{24}\/d\.sock$/);
});

test('two directories that share their beginning share no socket', () => {
  const long = `/Users/somebody/Library/Application Support/${'x'.repeat(80)}`;
  expect(endpointOf(`${long}/a`, 501).socketPath).not.toBe(endpointOf(`${long}/b`, 501).socketPath);
});
