/** vscode-jsonrpc over a socket with a bounded reader and writer of our own: one write a frame, nothing hostile gets past. */
import type { Socket } from 'node:net';
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  CancellationSenderStrategy,
  ErrorCodes,
  NullLogger,
  RAL,
  createMessageConnection,
  type CancellationToken,
  type DataCallback,
  type Disposable,
  type Message,
  type MessageConnection,
  type MessageReader,
  type MessageWriter,
} from 'vscode-jsonrpc';
import { MAX_REQUESTS_IN_FLIGHT, envelopeProblem, parseBody } from './envelope.ts';
import { ERROR_CODES, ProtocolError } from './errors.ts';
import { FrameDecoder, FrameError, MAX_BODY_BYTES, encodeFrame } from './frame.ts';
import { takeLeave } from './leave.ts';

export { ErrorCodes };
export { ResponseError, type CancellationToken, type MessageConnection } from 'vscode-jsonrpc';

/**
 * What the library asks of the runtime. Its own for Node loads `crypto` and more for readers and writers that are not used
 * here, and hands every message to `setImmediate`, which costs each side of a request a part of a turn of its event loop.
 * The next tick is early enough: what arrived together is queued before any of it is handled, so that a cancellation still
 * finds the request that it is about.
 */
const runtime: Pick<RAL, 'console' | 'timer'> = {
  console,
  timer: {
    setTimeout: (callback, ms, ...args) => {
      const timer = setTimeout(callback, ms, ...args);
      return {
        dispose: () => {
          clearTimeout(timer);
        },
      };
    },
    setInterval: (callback, ms, ...args) => {
      const timer = setInterval(callback, ms, ...args);
      return {
        dispose: () => {
          clearInterval(timer);
        },
      };
    },
    setImmediate: (callback, ...args) => {
      let isWanted = true;
      process.nextTick(() => {
        if (isWanted) callback(...args);
      });
      return {
        dispose: () => {
          isWanted = false;
        },
      };
    },
  },
};
RAL.install(runtime as RAL);

/** Unsent bytes at which a connection's further requests are no longer read. */
const PAUSE_READING_AT_BYTES = 4 * 1024 * 1024;

/** What a connection that begins in the middle has read already. */
export interface EarlyInput {
  readonly decoder: FrameDecoder;
  readonly bodies: readonly Buffer[];
}

interface RequestEnvelope {
  readonly id?: string | number;
  readonly method?: string;
}

/**
 * One socket as a JSON-RPC channel. It owns the framing, the envelope checks and the bound on open requests; it does not
 * own the socket's life: a violation ends the socket, but dispose leaves it open.
 */
export class SocketChannel {
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly #socket: Socket;
  /** Ids as the library keys them: it would lose the first of two requests with the ids 1 and "1". */
  readonly #open = new Set<string>();
  /** Set when the connection ends as soon as nothing is open any more. */
  #answered: PromiseWithResolvers<void> | undefined;

  constructor(socket: Socket, early?: EarlyInput) {
    this.#socket = socket;
    this.reader = new ChannelReader(socket, early ?? { decoder: new FrameDecoder(), bodies: [] }, {
      admit: (message) => this.#admit(message),
      refuse: (code, text, id) => {
        this.#refuse(code, text, id);
      },
      violate: (text) => {
        this.#violate(text);
      },
    });
    this.writer = new ChannelWriter(this);
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /**
   * Sends a frame that is encoded already.
   * @returns false when the peer is slower than we are and the caller should wait for `drain`.
   */
  sendFrame(frame: Buffer): boolean {
    if (this.#socket.destroyed || !this.#socket.writable) return false;
    const flowing = this.#socket.write(frame);
    if (this.#socket.writableLength > PAUSE_READING_AT_BYTES && !this.#socket.isPaused()) {
      this.#socket.pause();
      this.#socket.once('drain', () => this.#socket.resume());
    }
    return flowing;
  }

  /** Called for each outgoing message, so that the id of an answered request is free again. */
  settle(message: Message): void {
    if ('id' in message && !('method' in message)) this.#open.delete(String(message.id));
    if (this.#open.size === 0) this.#answered?.resolve();
  }

  /** What was asked before it is still answered. */
  #violate(text: string): void {
    this.#answered = Promise.withResolvers();
    if (this.#open.size === 0) this.#answered.resolve();
    takeLeave(this.#socket, this.#answered.promise, () => {
      this.#refuse(ERROR_CODES.PARSE, text, null);
    });
  }

  #admit(message: RequestEnvelope): boolean {
    if (message.id === undefined || message.method === undefined) return true;
    const key = String(message.id);
    if (this.#open.has(key)) {
      this.#refuse(ERROR_CODES.INVALID_REQUEST, 'a request with this id is still open', null);
      return false;
    }
    if (this.#open.size >= MAX_REQUESTS_IN_FLIGHT) {
      const error = new ProtocolError('OVERLOADED', `more than ${MAX_REQUESTS_IN_FLIGHT} requests are open`, {
        retryable: true,
      });
      this.#send({
        jsonrpc: '2.0',
        id: message.id,
        error: { code: error.code, message: error.message, data: error.toData() },
      });
      return false;
    }
    this.#open.add(key);
    return true;
  }

  #refuse(code: number, text: string, id: unknown): void {
    const kind = code === ERROR_CODES.PARSE ? 'PARSE' : 'INVALID_REQUEST';
    const data = new ProtocolError(kind, text).toData();
    this.#send({ jsonrpc: '2.0', id, error: { code, message: text, data } });
  }

  #send(message: object): void {
    this.sendFrame(encodeFrame(JSON.stringify(message)));
  }
}

interface Gate {
  admit(message: RequestEnvelope): boolean;
  refuse(code: number, text: string, id: unknown): void;
  /** Nothing more can be read. */
  violate(text: string): void;
}

class ChannelReader extends AbstractMessageReader implements MessageReader {
  readonly #socket: Socket;
  readonly #early: EarlyInput;
  readonly #gate: Gate;

  constructor(socket: Socket, early: EarlyInput, gate: Gate) {
    super();
    this.#socket = socket;
    this.#early = early;
    this.#gate = gate;
  }

  listen(callback: DataCallback): Disposable {
    const { decoder, bodies } = this.#early;
    const onData = (chunk: Buffer): void => {
      this.#take(() => decoder.push(chunk), callback, onData);
    };
    const onClose = (): void => {
      this.fireClose();
    };
    const onError = (error: Error): void => {
      this.fireError(error);
    };
    this.#socket.on('close', onClose).on('error', onError);
    this.#socket.on('data', onData);
    this.#take(() => bodies, callback, onData);
    return {
      dispose: () => {
        this.#socket.off('data', onData).off('close', onClose).off('error', onError);
      },
    };
  }

  #take(read: () => readonly Buffer[], callback: DataCallback, onData: (chunk: Buffer) => void): void {
    try {
      for (const body of read()) this.#deliver(body, callback);
      const { violation } = this.#early.decoder;
      if (violation !== undefined) throw violation;
    } catch (error) {
      this.#socket.off('data', onData);
      this.#gate.violate(error instanceof FrameError ? error.message : 'unreadable input');
    }
  }

  #deliver(body: Buffer, callback: DataCallback): void {
    const message = parseBody(body);
    const problem = envelopeProblem(message);
    if (problem !== undefined) {
      this.#gate.refuse(ERROR_CODES.INVALID_REQUEST, problem, null);
      return;
    }
    if (this.#gate.admit(message as RequestEnvelope)) callback(message as Message);
  }
}

class ChannelWriter extends AbstractMessageWriter implements MessageWriter {
  readonly #channel: SocketChannel;

  constructor(channel: SocketChannel) {
    super();
    this.#channel = channel;
  }

  /** Rejects what the other side would have to refuse by closing the connection, and with it everything else on it. */
  write(message: Message): Promise<void> {
    this.#channel.settle(message);
    const body = JSON.stringify(message);
    if (Buffer.byteLength(body) > MAX_BODY_BYTES) {
      return Promise.reject(new FrameError(`the message is longer than ${MAX_BODY_BYTES} bytes`));
    }
    this.#channel.sendFrame(encodeFrame(body));
    return Promise.resolve();
  }

  end(): void {
    // The socket belongs to the connection's owner, who ends it.
  }
}

/** Whether a request is still wanted. The library's own makes an emitter for each, which costs a fifth of a request. */
export class Cancellation implements CancellationToken {
  isCancellationRequested = false;
  #listener: (() => void) | undefined;

  get token(): CancellationToken {
    return this;
  }

  /** There is one listener: the next one takes its place. */
  onCancellationRequested(listener: (event: undefined) => unknown): Disposable {
    this.#listener = () => void listener(undefined);
    return this;
  }

  cancel(): void {
    this.isCancellationRequested = true;
    this.#listener?.();
  }

  /** Nobody is told any more. */
  dispose(): void {
    this.#listener = undefined;
  }
}

const cancellationStrategy = {
  receiver: { createCancellationTokenSource: () => new Cancellation() },
  sender: CancellationSenderStrategy.Message,
};

/** A JSON-RPC connection on a channel. The caller calls `listen`. */
export function connectChannel(channel: SocketChannel): MessageConnection {
  return createMessageConnection(channel.reader, channel.writer, NullLogger, { cancellationStrategy });
}
