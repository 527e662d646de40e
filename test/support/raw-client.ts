/** A client made of a socket and frames, for tests of what a daemon does with good and bad bytes. */
import { connect, type Socket } from 'node:net';
import { FrameDecoder, encodeFrame } from '../../protocol/frame.ts';
import type { Build } from '../../protocol/version.ts';

export interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data: ErrorBody };
}

interface ErrorBody {
  readonly kind: string;
  readonly retryable: boolean;
  readonly hint: string;
  readonly traceId?: string;
}

const DEADLINE_MS = 10_000;

export class RawClient {
  readonly socket: Socket;
  /** Everything that has arrived. */
  readonly messages: Message[] = [];
  /** Resolves with the error code of the socket, or undefined for an orderly end. */
  readonly closed: Promise<string | undefined>;
  #onMessage: (() => void)[] = [];
  #isClosed = false;
  #lastId = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder();
    let code: string | undefined;
    socket.on('data', (chunk: Buffer) => {
      for (const body of decoder.push(chunk)) this.messages.push(JSON.parse(body.toString('utf8')) as Message);
      this.#wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve(code);
      });
    });
  }

  /** Rejects with the error of the socket. */
  static async connect(path: string): Promise<RawClient> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new RawClient(socket);
  }

  static async greeted(path: string, overrides: object = {}): Promise<RawClient> {
    const client = await RawClient.connect(path);
    const answer = await client.request('initialize', helloParams(overrides));
    if (answer.error !== undefined) throw new Error(`not greeted: ${JSON.stringify(answer.error)}`);
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  sendBytes(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  send(message: unknown): void {
    this.socket.write(encodeFrame(JSON.stringify(message)));
  }

  /** @returns the id. */
  start(method: string, params?: unknown): number {
    this.#lastId += 1;
    this.send({ jsonrpc: '2.0', id: this.#lastId, method, params });
    return this.#lastId;
  }

  /** The whole answer, error or result. */
  async request(method: string, params?: unknown, deadlineMs = DEADLINE_MS): Promise<Message> {
    return await this.answerTo(this.start(method, params), deadlineMs);
  }

  async answerTo(id: number | string | null, deadlineMs = DEADLINE_MS): Promise<Message> {
    return await this.next((message) => message.id === id && message.method === undefined, deadlineMs);
  }

  /** The first message, of those that have come or will come, that fits. */
  async next(fits: (message: Message) => boolean, deadlineMs = DEADLINE_MS): Promise<Message> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error('the connection closed without the answer');
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no answer within ${deadlineMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#onMessage.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #wake(): void {
    const waiting = this.#onMessage;
    this.#onMessage = [];
    for (const resolve of waiting) resolve();
  }
}

export function helloParams(overrides: { kind?: string; build?: Build; protocol?: object; key?: object } = {}): object {
  const { kind = 'other', build = { version: '1.0.0', id: 'test', builtAt: 0 }, protocol, key } = overrides;
  return {
    protocol: protocol ?? { min: 1, max: 1 },
    client: { name: 'test', kind, build, pid: process.pid },
    timeZone: 'Europe/Berlin',
    ...(key === undefined ? {} : { key }),
  };
}
