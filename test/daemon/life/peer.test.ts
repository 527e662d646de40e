import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Peer } from '../../../daemon/life/peer.ts';
import { encodeFrame } from '../../../protocol/frame.ts';
import { holdThread } from '../../support/busy-thread.ts';

const LIMIT_MS = 50;

/** Another daemon, in this thread. @param answer called at the first bytes of a question. */
async function peerOf(answer: (write: (result: unknown) => void) => void): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), 'mp-'));
  const path = join(directory, 's');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      answer((result) => socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const peer = await Peer.dial(path, 2_000);
  if (peer === undefined) throw new Error('nobody listens');
  onTestFinished(() => {
    peer.close();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return peer;
}

test('another daemon that does not answer is given up at the deadline', async () => {
  const peer = await peerOf(() => undefined);
  await expect(peer.call('daemon/status', {}, LIMIT_MS)).rejects.toMatchObject({ kind: 'DEADLINE' });
});

test('an answer that came while this process could not run counts', async () => {
  const peer = await peerOf((write) => {
    write({ runningTurns: 0 });
    holdThread(2 * LIMIT_MS);
  });
  expect(await peer.call('daemon/status', {}, LIMIT_MS)).toEqual({ runningTurns: 0 });
});
