/** Every open connection: greets it, counts it, and closes it in the end. */
import type { Socket } from 'node:net';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Report } from './error-mapping.ts';
import { Greeter, type Greeted } from './greeter.ts';
import type { LifeDesk } from './life-desk.ts';

/** Over the limit a connection is told so; over this many more it is closed without a word. */
const REFUSED_POLITELY = 64;
/** Time for the last bytes to leave when everything is closed. */
const FLUSH_MS = 250;

export interface SocketServerOptions {
  readonly desk: LifeDesk;
  readonly report: Report;
  readonly helloDeadlineMs: number;
  readonly maxConnections: number;
  /** Loads what a request for more than the desk needs; rejects when the daemon cannot serve. Called often. */
  loadConnector(): Promise<Connector>;
}

/** Serves a greeted connection from its first request on, as connection number `id`. */
export type Connector = (greeted: Greeted, id: number) => void;

export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #open = new Set<Socket>();
  #lastId = 0;

  constructor(options: SocketServerOptions) {
    this.#options = options;
  }

  /** Connections that are open, greeted or not. */
  get count(): number {
    return this.#open.size;
  }

  /** Takes over a socket that has just been accepted. */
  readonly accept = (socket: Socket): void => {
    const excess = this.#open.size - this.#options.maxConnections;
    // A peer that resets its connection concerns nobody else; `close` follows.
    socket.on('error', () => undefined);
    if (excess >= REFUSED_POLITELY) {
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    this.#greet(socket, excess >= 0);
  };

  /** Ends every connection after what is still to be sent. Resolves when all are closed, 250 ms later at most. */
  async closeAll(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#open) socket.destroy();
        resolve();
      }, FLUSH_MS);
      const closed = (): void => {
        if (this.#open.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      for (const socket of this.#open) socket.once('close', closed).destroySoon();
    });
  }

  #greet(socket: Socket, full: boolean): void {
    const { desk, report, helloDeadlineMs, maxConnections } = this.#options;
    this.#lastId += 1;
    const id = this.#lastId;
    const refusal = new ProtocolError('OVERLOADED', `the daemon serves ${maxConnections} connections already`, {
      hint: 'Close a client, or try again later.',
      retryable: true,
      retryAfterMs: 1_000,
    });
    new Greeter(socket, {
      desk,
      report,
      helloDeadlineMs,
      ...(full ? { refusal } : {}),
      onGreeted: () => {
        this.#options.loadConnector().catch(() => undefined);
      },
      onMore: (greeted) => void this.#connect(greeted, id),
    });
  }

  async #connect(greeted: Greeted, id: number): Promise<void> {
    try {
      const connector = await this.#options.loadConnector();
      if (!greeted.socket.destroyed) connector(greeted, id);
    } catch {
      // The process ends for that reason and reports it itself; the client starts the next one and learns why.
      greeted.socket.destroy();
    }
  }
}
