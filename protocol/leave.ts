/** Ends a connection whose peer cannot be understood any more, so that it learns why while it still writes. */
import type { Socket } from 'node:net';

/** Time for what was asked before to be answered. */
const ANSWER_MS = 250;
/** Time for the peer to stop writing, in milliseconds, and what it may write meanwhile, in bytes. */
const LINGER_MS = 250;
const LINGER_BYTES = 1024 * 1024;

/**
 * Says why and closes the connection for writing. What still comes is read and thrown away for a moment: a socket that is
 * closed with something unread takes the last words away from a peer that has not read them.
 *
 * @param answered the last words wait for it, for a moment.
 * @param sayWhy writes them.
 */
export function takeLeave(socket: Socket, answered: Promise<unknown>, sayWhy: () => void): void {
  let discarded = 0;
  let isSaid = false;
  let timer = setTimeout(leave, ANSWER_MS);
  function leave(): void {
    if (isSaid || socket.destroyed) return;
    isSaid = true;
    clearTimeout(timer);
    sayWhy();
    timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.end();
  }
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) socket.destroy();
  });
  socket.resume();
  void answered.then(leave);
}
