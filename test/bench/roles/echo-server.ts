/** Sends every byte back: the least that a round trip over a Unix socket can cost in Node. */
import { createServer } from 'node:net';
import { tell } from '../support/children.ts';

export function serve(socketPath: string): void {
  createServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk)).on('error', () => undefined);
  }).listen(socketPath, () => {
    tell({ ready: true });
  });
}
