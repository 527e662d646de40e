/** A client of the bare server: the JSON-RPC connection of the product, and nothing around it. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { SocketChannel, connectChannel } from '../../../protocol/framing.ts';

export interface BareClient {
  request(method: string, params: object): Promise<unknown>;
  close(): void;
}

export async function connectBare(socketPath: string): Promise<BareClient> {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  const connection = connectChannel(new SocketChannel(socket));
  connection.listen();
  return {
    request: (method, params) => connection.sendRequest(method, params),
    close: () => {
      connection.dispose();
      socket.destroy();
    },
  };
}
