/** The real transport around handlers of a few lines, which answer, wait, fail and lie. */
import { createServer, type Server } from 'node:net';
import { openConnection } from '../../../../daemon/transport/connection.ts';
import { Router } from '../../../../daemon/transport/router.ts';
import type { RequestContext, ServiceRoutes } from '../../../../daemon/transport/routes.ts';
import { readReleaseParams, readShutdownParams } from '../../../../daemon/transport/hello-params.ts';
import { SocketServer } from '../../../../daemon/transport/socket-server.ts';
import { ProtocolError } from '../../../../protocol/errors.ts';
import type { Knobs } from './input.ts';

const HELLO_MS = 100;
/** Connections beyond these are refused; the fuzzer has one at a time, and the bystander one. */
const MAX_CONNECTIONS = 8;

const desk = {
  hello: (params: { protocol: { min: number } }) => {
    if (params.protocol.min > 1) throw new ProtocolError('VERSION_MISMATCH', 'no protocol is shared');
    return { protocol: 1 } as never;
  },
  answer: async (method: string, params: unknown) => {
    if (method === 'daemon/shutdown') return readShutdownParams(params);
    return method === 'daemon/release' ? readReleaseParams(params) : { method };
  },
};

function routesWith(knobs: () => Knobs): ServiceRoutes {
  const untilAborted = (_params: unknown, { signal }: RequestContext): Promise<never> =>
    new Promise((_resolve, reject) => {
      const end = (): void => {
        // As a library does, with an error of its own, or as a careless one does.
        reject(knobs().phase === 'serving' ? new DOMException('aborted', 'AbortError') : new TypeError('undefined'));
      };
      if (signal.aborted) end();
      signal.addEventListener('abort', end);
    });
  return {
    'history/list': async ({ limit }: { limit?: number }) => ({ lines: ['x'.repeat(limit === 999 ? 1_000_000 : 1)] }),
    'history/add': () => new Promise((resolve) => setTimeout(resolve, 20, {})),
    'session/verify': untilAborted,
    'session/delete': untilAborted,
    'session/list': async () => ({ sessions: 'not a list' }),
    'session/unwatch': async () => {
      throw new TypeError('a defect with a secret: hunter2');
    },
    'session/watch': async (_params: unknown, { connection }: RequestContext) => {
      if (connection.unsentBytes > 0) throw new ProtocolError('CONFLICT', 'something is still to be sent');
      connection.onDrain(() => undefined);
      connection.onClose(() => undefined);
      connection.sendFrame(Buffer.from('Content-Length: 2\r\n\r\n{}'));
      return {};
    },
    'model/list': async () => ({ models: [], default: 'x'.repeat(17 * 1024 * 1024), problems: [] }),
    'config/get': (_params: unknown, { connection }: RequestContext) => {
      connection.disconnect();
      connection.onClose(() => undefined);
      return Promise.reject(new ProtocolError('NOT_FOUND', `${connection.unsentBytes} bytes are left`));
    },
  } as unknown as ServiceRoutes;
}

export class FuzzedServer {
  readonly connections: SocketServer;
  readonly #server: Server;

  private constructor(connections: SocketServer, server: Server) {
    this.connections = connections;
    this.#server = server;
  }

  static async listen(path: string, knobs: () => Knobs): Promise<FuzzedServer> {
    const report = (): string => 'trace';
    const router = new Router({
      routes: routesWith(knobs),
      desk: desk as never,
      phase: () => knobs().phase,
      requireKey: () =>
        knobs().hasKey ? Promise.resolve() : Promise.reject(new ProtocolError('KEY_LOCKED', 'the store is locked')),
      report,
      validateResults: true,
    });
    const connections = new SocketServer({
      desk: desk as never,
      report,
      helloDeadlineMs: HELLO_MS,
      maxConnections: MAX_CONNECTIONS,
      loadConnector: async () => {
        if (!knobs().loads) throw new Error('what it needs cannot be loaded');
        return (greeted, id) => {
          openConnection(greeted, id, router, () => undefined);
        };
      },
    });
    const server = createServer(connections.accept);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new FuzzedServer(connections, server);
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.connections.closeAll();
  }
}
