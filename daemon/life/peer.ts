/** A few questions to another daemon, asked without the JSON-RPC library: is it there, and does it hand over. */
import { connect, type Socket } from 'node:net';
import type { InitializeParams, InitializeResult } from '../../protocol/admin.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { FrameDecoder, encodeFrame } from '../../protocol/frame.ts';
import { ANY_PROTOCOL, type Build } from '../../protocol/version.ts';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One connection to another daemon. Every wait has a deadline. */
export class Peer {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#fail(new ProtocolError('DAEMON_UNAVAILABLE', 'the other daemon closed the connection'));
    });
  }

  /**
   * @param deadlineMs for connecting.
   * @returns undefined when nobody listens at the path.
   */
  static async dial(path: string, deadlineMs: number): Promise<Peer | undefined> {
    const socket = connect(path);
    const connected = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs, false);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(true);
      });
      socket.once('error', () => {
        clearTimeout(timer);
        resolve(false);
      });
    });
    if (connected) return new Peer(socket);
    socket.destroy();
    return undefined;
  }

  /** The handshake. Rejects with DEADLINE when the other side stays silent. */
  async greet(build: Build, deadlineMs: number): Promise<InitializeResult> {
    const params: InitializeParams = {
      // What is asked afterwards is understood by every daemon.
      protocol: ANY_PROTOCOL,
      client: { name: 'm daemon', kind: 'daemon', build, pid: process.pid },
      timeZone: 'UTC',
    };
    return (await this.call('initialize', params, deadlineMs)) as InitializeResult;
  }

  /** Rejects with the ProtocolError of the other side, with DEADLINE, or with DAEMON_UNAVAILABLE when it is gone. */
  call(method: string, params: object, deadlineMs: number): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        this.#waiting.delete(id);
        reject(new ProtocolError('DEADLINE', `the other daemon did not answer ${method} within ${deadlineMs} ms`));
      };
      // A process that could not run itself finds its timer expired and the answer waiting: the answer is read first.
      const timer = setTimeout(() => setImmediate(expire), deadlineMs);
      this.#waiting.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      if (this.#socket.destroyed) this.#fail(new ProtocolError('DAEMON_UNAVAILABLE', 'the other daemon is gone'));
      else this.#socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id, method, params })));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const body of this.#decoder.push(chunk)) this.#answer(JSON.parse(body.toString('utf8')) as Answer);
    } catch {
      // Whoever answers like this is no daemon; the close ends every wait.
      this.#socket.destroy();
    }
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id ?? 0);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id ?? 0);
    if (answer.error === undefined) waiting.resolve(answer.result);
    else waiting.reject(ProtocolError.fromWire(answer.error.message, answer.error.data));
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data: unknown };
}
