/** A client made of a socket and frames: what it costs is little beside what it measures. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameDecoder, encodeFrame } from '../../../protocol/frame.ts';

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const HELLO = {
  protocol: { min: 1, max: 1 },
  client: { name: 'bench', kind: 'other', build: { version: '0.0.0', id: 'bench', builtAt: 0 }, pid: process.pid },
  timeZone: 'UTC',
  key: { provider: 'keyfile' },
};

export class LightClient {
  readonly socket: Socket;
  /** Notifications that have arrived, which are counted and not read. */
  events = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #decoder = new FrameDecoder();
  #lastId = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const body of this.#decoder.push(chunk)) this.#take(body);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('the connection closed'));
      this.#pending.clear();
    });
  }

  /** Connects and greets, trying again while nobody listens and when whoever did was just ending. */
  static async connect(path: string, waitMs: number): Promise<LightClient> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const client = new LightClient(await dial(path, deadline));
      try {
        await client.request('initialize', HELLO);
        return client;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(1);
      }
    }
  }

  /** Resolves with the result; rejects with what the daemon says. */
  request<T = unknown>(method: string, params: object): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      this.socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id, method, params })));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #take(body: Buffer): void {
    // Answers begin with their id or result; a notification names its method first.
    if (body.includes('"method":"event"')) {
      this.events += 1;
      return;
    }
    const answer = JSON.parse(body.toString('utf8')) as Answer;
    const pending = this.#pending.get(answer.id ?? -1);
    if (pending === undefined) return;
    this.#pending.delete(answer.id ?? -1);
    if (answer.error === undefined) pending.resolve(answer.result);
    else pending.reject(new Error(answer.error.message));
  }
}

async function dial(path: string, deadline: number): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    const reached = await new Promise<boolean>((resolve) => {
      socket
        .once('connect', () => {
          resolve(true);
        })
        .once('error', () => {
          resolve(false);
        });
    });
    if (reached) return socket;
    if (performance.now() > deadline) throw new Error(`nobody listens at ${path}`);
    await sleep(1);
  }
}
