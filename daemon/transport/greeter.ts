/** The first words on a connection: answers the handshake before anything heavy is loaded, then hands the socket on. */
import type { Socket } from 'node:net';
import type { InitializeParams } from '../../protocol/admin.ts';
import { envelopeProblem, parseBody } from '../../protocol/envelope.ts';
import { ERROR_CODES, ProtocolError } from '../../protocol/errors.ts';
import { FrameDecoder, FrameError, encodeFrame } from '../../protocol/frame.ts';
import { takeLeave } from '../../protocol/leave.ts';
import { toWireError, type Report } from './error-mapping.ts';
import { readInitializeParams } from './hello-params.ts';
import { isDeskMethod, type LifeDesk } from './life-desk.ts';

/** More than any handshake needs; nobody may make us hold more before one. */
const MAX_BYTES_BEFORE_HELLO = 64 * 1024;

/** A socket whose peer has been greeted, with what it has sent since. */
export interface Greeted {
  readonly socket: Socket;
  readonly hello: InitializeParams;
  readonly early: { readonly decoder: FrameDecoder; readonly bodies: readonly Buffer[] };
}

export interface GreeterOptions {
  readonly desk: LifeDesk;
  readonly report: Report;
  /** Time for the handshake to arrive, in milliseconds. */
  readonly helloDeadlineMs: number;
  /** Set when there are too many connections: the reason is the answer to the handshake. */
  readonly refusal?: ProtocolError;
  /** The handshake has been answered; a good moment to load what comes next. */
  onGreeted(): void;
  /** The first request for more than the desk has arrived. Takes the socket over; it is paused. */
  onMore(greeted: Greeted): void;
}

interface Request {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: unknown;
}

/** Serves one connection until its first request that is not for the desk. */
export class Greeter {
  readonly #socket: Socket;
  readonly #options: GreeterOptions;
  readonly #decoder = new FrameDecoder();
  readonly #deadline: NodeJS.Timeout;
  #hello: InitializeParams | undefined;
  /** A peer that shares no protocol with us may still ask the desk, and nothing else. */
  #deskOnly = false;
  /** Questions to the desk. */
  readonly #asking = new Set<Promise<void>>();

  constructor(socket: Socket, options: GreeterOptions) {
    this.#socket = socket;
    this.#options = options;
    // After a suspension of the process this timer and the peer's first bytes are due together: read first.
    this.#deadline = setTimeout(() => setImmediate(() => this.#silent()), options.helloDeadlineMs);
    socket.on('data', this.#onData).once('close', () => clearTimeout(this.#deadline));
  }

  readonly #onData = (chunk: Buffer): void => {
    let bodies: Buffer[];
    try {
      bodies = this.#decoder.push(chunk);
    } catch (error) {
      this.#refuse(ERROR_CODES.PARSE, error);
      return;
    }
    for (const [index, body] of bodies.entries()) {
      if (this.#take(body)) continue;
      if (this.#hello !== undefined) this.#handOn(this.#hello, bodies.slice(index));
      return;
    }
    const { violation } = this.#decoder;
    if (violation !== undefined) this.#refuse(ERROR_CODES.PARSE, violation);
    else if (this.#hello === undefined && this.#decoder.pendingBytes > MAX_BYTES_BEFORE_HELLO) {
      this.#refuse(ERROR_CODES.INVALID_REQUEST, new FrameError('the first message must be `initialize`'));
    }
  };

  /** @returns false when this and all that follows is not for the greeter, because it is for its successor or nobody. */
  #take(body: Buffer): boolean {
    let message: unknown;
    try {
      message = parseBody(body);
    } catch (error) {
      if (this.#hello !== undefined) return false;
      return this.#refuse(ERROR_CODES.PARSE, error);
    }
    const problem = envelopeProblem(message);
    if (problem !== undefined) {
      return this.#hello === undefined && this.#refuse(ERROR_CODES.INVALID_REQUEST, new FrameError(problem));
    }
    const request = message as Request;
    if (this.#hello === undefined) return this.#beforeHello(request);
    if (request.id === undefined || !isDeskMethod(request.method ?? '')) return false;
    this.#startAsking(request);
    return true;
  }

  #beforeHello(request: Request): boolean {
    if (request.method === undefined) {
      return this.#refuse(ERROR_CODES.INVALID_REQUEST, new FrameError('the first message must be `initialize`'));
    }
    if (request.id === undefined) return true;
    if (request.method === 'initialize') {
      this.#greet(request);
    } else if (this.#deskOnly && isDeskMethod(request.method)) {
      this.#startAsking(request);
    } else {
      this.#fail(request, new ProtocolError('NOT_INITIALIZED', 'the first request must be `initialize`'));
    }
    return !this.#socket.writableEnded;
  }

  #greet(request: Request): void {
    try {
      if (this.#options.refusal !== undefined) throw this.#options.refusal;
      const hello = readInitializeParams(request.params);
      const result = this.#options.desk.hello(hello);
      this.#hello = hello;
      clearTimeout(this.#deadline);
      this.#send({ jsonrpc: '2.0', id: request.id, result });
      this.#options.onGreeted();
    } catch (error) {
      this.#fail(request, error);
      this.#deskOnly = error instanceof ProtocolError && error.kind === 'VERSION_MISMATCH';
      if (this.#deskOnly) clearTimeout(this.#deadline);
      else this.#socket.destroySoon();
    }
  }

  #startAsking(request: Request): void {
    const asking = this.#ask(request).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  async #ask(request: Request): Promise<void> {
    const method = request.method ?? '';
    if (!isDeskMethod(method)) return;
    try {
      this.#send({ jsonrpc: '2.0', id: request.id, result: await this.#options.desk.answer(method, request.params) });
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #handOn(hello: InitializeParams, bodies: readonly Buffer[]): void {
    this.#socket.off('data', this.#onData).pause();
    this.#options.onMore({ socket: this.#socket, hello, early: { decoder: this.#decoder, bodies } });
  }

  #silent(): void {
    if (this.#hello !== undefined || this.#deskOnly || this.#socket.destroyed) return;
    const error = new FrameError(`no \`initialize\` within ${this.#options.helloDeadlineMs} ms`);
    this.#refuse(ERROR_CODES.INVALID_REQUEST, error);
  }

  #fail(request: Request, thrown: unknown): void {
    const error = toWireError(thrown, request.method ?? '', this.#options.report);
    this.#send({ jsonrpc: '2.0', id: request.id, error });
  }

  /** Answers what cannot be answered by id, after what was asked before, and closes. */
  #refuse(code: number, thrown: unknown): false {
    const message = thrown instanceof FrameError ? thrown.message : 'unreadable input';
    const data = new ProtocolError(code === ERROR_CODES.PARSE ? 'PARSE' : 'INVALID_REQUEST', message).toData();
    clearTimeout(this.#deadline);
    this.#socket.off('data', this.#onData);
    takeLeave(this.#socket, Promise.allSettled(this.#asking), () => {
      this.#send({ jsonrpc: '2.0', id: null, error: { code, message, data } });
    });
    return false;
  }

  #send(message: object): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(JSON.stringify(message)));
  }
}
