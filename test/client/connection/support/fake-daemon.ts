/** The other end of the socket as a test wants it: answers what it is told to, and shows what it was asked. */
import { lstatSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { prepareDirectories, type Locations } from '../../../../client/connection/locations.ts';
import type { InitializeResult } from '../../../../protocol/admin.ts';
import { ProtocolError } from '../../../../protocol/errors.ts';
import { FrameDecoder, encodeFrame } from '../../../../protocol/frame.ts';
import { until } from './scratch.ts';

export interface Asked {
  readonly connection: number;
  readonly id: number | string;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** Returns the result, throws a ProtocolError, or returns `NO_ANSWER`. */
export type Answer = (asked: Asked, daemon: FakeDaemon) => unknown;

export const NO_ANSWER = Symbol('no answer');

export class FakeDaemon {
  /** Every request but `initialize`, in order, over all connections. */
  readonly asked: Asked[] = [];
  /** Every notification, such as `$/cancelRequest`. */
  readonly noticed: { method: string; params: unknown }[] = [];
  readonly hellos: Record<string, unknown>[] = [];
  readonly answers: Record<string, Answer> = {};
  greeting: Partial<InitializeResult> = {};
  readonly locations: Locations;
  readonly #server: Server;
  readonly #sockets = new Map<number, Socket>();
  #connections = 0;
  #inode = 0;

  private constructor(locations: Locations) {
    this.locations = locations;
    this.#server = createServer((socket) => {
      this.#serve(socket);
    });
  }

  static async listen(locations: Locations): Promise<FakeDaemon> {
    const daemon = await FakeDaemon.unpublished(locations);
    daemon.publish();
    return daemon;
  }

  /** Listens where nobody looks. */
  static async unpublished(locations: Locations): Promise<FakeDaemon> {
    prepareDirectories(locations);
    const daemon = new FakeDaemon(locations);
    await new Promise<void>((resolve) => daemon.#server.listen(daemon.#ownName, resolve));
    onTestFinished(() => daemon.stop());
    return daemon;
  }

  /** Like the real one: closing then unlinks a name that is no longer there, and not a successor's. */
  publish(): void {
    this.#inode = lstatSync(this.#ownName).ino;
    renameSync(this.#ownName, this.locations.endpoint.socketPath);
  }

  get #ownName(): string {
    return `${this.locations.endpoint.socketPath}.${process.pid}`;
  }

  get connections(): number {
    return this.#connections;
  }

  get open(): number {
    return this.#sockets.size;
  }

  methods(): string[] {
    return this.asked.map(({ method }) => method);
  }

  /** Sends a notification on every open connection. */
  notify(method: string, params: unknown): void {
    for (const socket of this.#sockets.values())
      socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', method, params })));
  }

  /** Answers a request that was left open. */
  reply(asked: Asked, result: unknown): void {
    this.#sockets.get(asked.connection)?.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result })));
  }

  write(connection: number, bytes: string): void {
    this.#sockets.get(connection)?.write(bytes);
  }

  /** Breaks every connection; new ones are served. */
  cut(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }

  /** As an older daemon ends: its successor has the public name before it goes. */
  async handOver(): Promise<void> {
    await until(() => this.#publicInode() !== this.#inode, 'the name of the successor');
    await this.stop();
  }

  /** Like the real one: the name goes first, because clients that lose their connection start the next daemon. */
  async stop(): Promise<void> {
    if (this.#publicInode() === this.#inode) rmSync(this.locations.endpoint.socketPath);
    this.cut();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #publicInode(): number | undefined {
    return lstatSync(this.locations.endpoint.socketPath, { throwIfNoEntry: false })?.ino;
  }

  #serve(socket: Socket): void {
    this.#connections += 1;
    const connection = this.#connections;
    const decoder = new FrameDecoder();
    this.#sockets.set(connection, socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(connection));
    socket.on('data', (chunk) => {
      for (const body of decoder.push(chunk))
        this.#take(connection, socket, JSON.parse(body.toString('utf8')) as Frame);
    });
  }

  #take(connection: number, socket: Socket, frame: Frame): void {
    if (frame.id === undefined) {
      this.noticed.push({ method: frame.method, params: frame.params });
      return;
    }
    const asked: Asked = { connection, id: frame.id, method: frame.method, params: frame.params };
    if (frame.method === 'initialize') this.hellos.push(frame.params);
    else this.asked.push(asked);
    try {
      const answer =
        this.answers[frame.method] ?? (frame.method === 'initialize' ? () => this.defaultGreeting() : () => ({}));
      const result = answer(asked, this);
      if (result !== NO_ANSWER) this.reply(asked, result);
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown;
      const error = { code: thrown.code, message: thrown.message, data: thrown.toData() };
      socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: frame.id, error })));
    }
  }

  /** What `initialize` answers unless the test has an answer of its own. */
  readonly defaultGreeting = (): InitializeResult => {
    return {
      protocol: 1,
      daemon: {
        build: { version: '0.1.0', id: 'source', builtAt: 0 },
        pid: process.pid,
        startedAt: '2025-01-01T00:00:00.000Z',
      },
      store: { id: 's', generation: 'g1' },
      key: 'unlocked',
      draining: false,
      limits: { bodyBytes: 1_000, requestsInFlight: 64 },
      keyVariables: [],
      ...this.greeting,
    };
  };
}

interface Frame {
  readonly id?: number | string;
  readonly method: string;
  readonly params: Record<string, unknown>;
}
