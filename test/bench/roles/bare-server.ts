/** A server that inserts the title of a request in a thread: the way through the daemon without the daemon. */
import { createServer } from 'node:net';
import { SocketChannel, connectChannel } from '../../../protocol/framing.ts';
import { BareThread } from '../support/bare-thread.ts';
import { tell } from '../support/children.ts';

export function serve(socketPath: string, file: string): void {
  const thread = new BareThread(file);
  const server = createServer((socket) => {
    const connection = connectChannel(new SocketChannel(socket));
    connection.onRequest(async (_method, params) => {
      await thread.insert((params as { title: string }).title);
      return { done: true };
    });
    socket.on('close', () => {
      connection.dispose();
    });
    socket.on('error', () => undefined);
    connection.listen();
  });
  server.listen(socketPath, () => {
    tell({ ready: true });
  });
}
