/** A greeted socket as a JSON-RPC connection: requests go to the router, and services push frames past the library. */
import type { Socket } from 'node:net';
import { ResponseError, SocketChannel, connectChannel, type CancellationToken } from '../../protocol/framing.ts';
import type { ClientPort } from '../services/client-port.ts';
import type { Greeted } from './greeter.ts';
import type { Call, Router } from './router.ts';

/**
 * Takes the socket over and serves it until it closes.
 * @param id number of this connection in the life of the daemon.
 * @param connected told of the client before its first request is served.
 */
export function openConnection(
  greeted: Greeted,
  id: number,
  router: Router,
  connected: (client: ClientPort) => void,
): void {
  const { socket, early } = greeted;
  const channel = new SocketChannel(socket, early);
  const connection = connectChannel(channel);
  const client = new SocketClient(greeted, id, channel);
  const calls = new Set<Call>();
  connection.onRequest(async (method, params, token) => {
    const call = router.call(method, params, client);
    calls.add(call);
    cancelWith(call, token);
    const outcome = await call.outcome;
    calls.delete(call);
    if ('result' in outcome) return outcome.result;
    const { code, message, data } = outcome.error;
    return new ResponseError(code, message, data);
  });
  // Every attached session listens for the end of the socket.
  socket.setMaxListeners(0);
  // A socket error is followed by `close`, and an unasked-for answer concerns nobody.
  connection.onError(() => undefined);
  socket.once('close', () => {
    for (const call of calls) call.abandon();
    connection.dispose();
  });
  connected(client);
  connection.listen();
  socket.resume();
}

function cancelWith(call: Call, token: CancellationToken): void {
  if (token.isCancellationRequested) call.cancel();
  else token.onCancellationRequested(() => call.cancel());
}

class SocketClient implements ClientPort {
  readonly id: number;
  readonly kind: ClientPort['kind'];
  readonly timeZone: string;
  readonly clientBuild: ClientPort['clientBuild'];
  readonly keyWish: ClientPort['keyWish'];
  readonly #socket: Socket;
  readonly #channel: SocketChannel;

  constructor({ socket, hello }: Greeted, id: number, channel: SocketChannel) {
    this.id = id;
    this.kind = hello.client.kind;
    this.timeZone = hello.timeZone;
    this.clientBuild = hello.client.build;
    this.keyWish = hello.key ?? {};
    this.#socket = socket;
    this.#channel = channel;
  }

  get unsentBytes(): number {
    return this.#socket.destroyed ? 0 : this.#channel.unsentBytes;
  }

  sendFrame(frame: Buffer): boolean {
    return this.#channel.sendFrame(frame);
  }

  onDrain(listener: () => void): void {
    this.#socket.on('drain', listener);
  }

  onClose(listener: () => void): void {
    if (this.#socket.closed) queueMicrotask(listener);
    else this.#socket.once('close', listener);
  }

  disconnect(): void {
    this.#socket.destroy();
  }
}
