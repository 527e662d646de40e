/** One greeted connection as typed requests and events, until it ends. */
import type { InitializeResult } from '../../protocol/admin.ts';
import { ERROR_CODES, ProtocolError } from '../../protocol/errors.ts';
import type { EVENT_NOTIFICATION, LIST_NOTIFICATION, ListNotice, SessionEvent } from '../../protocol/event.ts';
import {
  Cancellation,
  ErrorCodes,
  ResponseError,
  SocketChannel,
  connectChannel,
  type MessageConnection,
} from '../../protocol/framing.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { Socket } from 'node:net';
import { LinkLost, cancelled, noAnswer } from './call-errors.ts';
import type { Greeting } from './dial.ts';

/** Copies of their own: the file that has them brings the schema library. */
const EVENT: typeof EVENT_NOTIFICATION = 'event';
const LIST: typeof LIST_NOTIFICATION = 'list';

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the answer, in milliseconds. */
  readonly timeoutMs: number;
}

export class Link {
  /** What the daemon said of itself, the last time it was asked. */
  daemon: InitializeResult;
  /** Resolves with the reason, for a person, when the connection has ended. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  #ended = false;

  /** Takes over the socket of the greeting. */
  constructor(greeting: Greeting) {
    this.daemon = greeting.result;
    this.#socket = greeting.socket;
    this.#connection = connectChannel(new SocketChannel(greeting.socket, greeting.early));
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    const end = (reason: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      // The library leaves open calls hanging when a connection closes; disposing rejects them.
      this.#connection.dispose();
      this.#socket.on('error', () => undefined).destroy();
      resolve(reason);
    };
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      end(`the connection broke (${error.code ?? 'unknown'})`);
    });
    this.#socket.on('close', () => {
      end('the daemon closed the connection');
    });
    this.#connection.listen();
    this.#socket.resume();
    if (this.#socket.destroyed) end('the daemon closed the connection');
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  /**
   * Sends one request.
   * @throws LinkLost when the connection ends first; ProtocolError with what the daemon answered, with CANCELLED when
   * the signal fires, or with DEADLINE when the time is over. In the last two cases the daemon is told.
   */
  async request<M extends MethodName>(method: M, params: ParamsOf<M>, options: RequestOptions): Promise<ResultOf<M>> {
    if (this.#ended) throw new LinkLost('the connection has ended', { sent: false });
    if (options.signal?.aborted === true) throw cancelled(method, options.signal);
    const cancellation = new Cancellation();
    const { promise: interrupted, reject: interrupt } = Promise.withResolvers<never>();
    const onAbort = (): void => {
      interrupt(cancelled(method, options.signal));
    };
    const timer = setTimeout(() => {
      interrupt(noAnswer(method, options.timeoutMs));
    }, options.timeoutMs);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = this.#connection.sendRequest<ResultOf<M>>(method, params, cancellation);
      return await Promise.race([answer, interrupted]);
    } catch (error) {
      if (error instanceof ProtocolError) cancellation.cancel();
      throw this.#translate(error, method);
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Every event of this connection, in the order of its arrival. There is one listener. */
  onEvent(listener: (event: SessionEvent) => void): void {
    this.#connection.onNotification(EVENT, listener);
  }

  /** Every notice about the list of sessions, likewise. */
  onList(listener: (notice: ListNotice) => void): void {
    this.#connection.onNotification(LIST, listener);
  }

  /** Ends the connection. What was asked and not answered is rejected with LinkLost. */
  close(): void {
    this.#socket.destroy();
  }

  #translate(error: unknown, method: MethodName): Error {
    if (error instanceof ProtocolError) return error;
    if (!(error instanceof ResponseError)) return this.#socket.destroyed ? lostMeanwhile() : asError(error);
    if (error.code === ErrorCodes.PendingResponseRejected) return lostMeanwhile();
    if (error.code === ErrorCodes.MessageWriteError) {
      return new ProtocolError('INVALID_PARAMS', `${method} could not be sent: ${error.message}`, {
        hint: 'Send less at once.',
      });
    }
    if (error.data === undefined && error.code === ERROR_CODES.CANCELLED) return cancelled(method);
    return ProtocolError.fromWire(error.message, error.data);
  }
}

function lostMeanwhile(): LinkLost {
  return new LinkLost('the connection ended before the answer', { sent: true });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
