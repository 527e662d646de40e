/** One HTTP exchange with a provider: a connection of its own, a deadline for every wait, and a name for every failure. */
import * as http from 'node:http';
import * as https from 'node:https';
import { EndMark } from './end-mark.ts';

export interface ExchangeLimits {
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  /** For the exchange as a whole. */
  readonly totalTimeoutMs: number;
}

/** How an exchange failed. */
export type Fault =
  /** There is no connection, or it was closed before any answer. */
  | { readonly kind: 'unreachable'; readonly code: string }
  | { readonly kind: 'connect-timeout'; readonly afterMs: number }
  /** The certificate is not trusted. */
  | { readonly kind: 'untrusted'; readonly code: string }
  /** Something answers that does not speak HTTP, or not with TLS. */
  | { readonly kind: 'not-http'; readonly code: string }
  /** The key or the address holds characters that cannot be sent. */
  | { readonly kind: 'unsendable' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'not-a-stream'; readonly contentType: string; readonly body: string }
  | { readonly kind: 'silence'; readonly begun: boolean; readonly afterMs: number }
  | { readonly kind: 'cut'; readonly code: string }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'total-timeout'; readonly afterMs: number };

export class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(`exchange failed: ${fault.kind}`);
    this.fault = fault;
  }
}

/** The longest error text that is read. */
const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_BODY_TIMEOUT_MS = 2000;
/** How long a server that has given its reason for the end may go on with what it counts, and with closing. */
const END_TIMEOUT_MS = 5000;
/** What is answered by something that is no model server. */
const NO_STREAM = /^(text\/html|application\/json|(image|audio|video)\/)/i;
/** The longest piece of a stream in which nothing could be understood. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/**
 * Node's own client instead of global fetch, whose pool keeps dead connections over a suspend, whose connect timeout
 * cannot be set, and which gives up after five minutes without a byte whatever the configuration says.
 * Redirects are not followed: the key would go to a host that nobody configured.
 */
export class Exchange {
  private readonly limits: ExchangeLimits;
  private readonly signal: AbortSignal;
  private readonly total: NodeJS.Timeout;
  private request: http.ClientRequest | undefined;
  private wait: NodeJS.Timeout | undefined;
  /** Set once the reply may be over. */
  private end: NodeJS.Timeout | undefined;
  private first: Fault | undefined;
  private unread = 0;
  private answered = false;

  constructor(limits: ExchangeLimits, signal: AbortSignal) {
    this.limits = limits;
    this.signal = signal;
    this.total = setTimeout(() => {
      this.fail({ kind: 'total-timeout', afterMs: limits.totalTimeoutMs });
    }, limits.totalTimeoutMs);
    signal.addEventListener('abort', this.close, { once: true });
  }

  /** The first thing that went wrong. */
  get fault(): Fault | undefined {
    return this.first;
  }

  /** Whether a good answer has begun, so that what goes wrong afterwards is about its content. */
  get hasAnswered(): boolean {
    return this.answered;
  }

  /** Ends the connection, whatever it is doing. */
  readonly close = (): void => {
    clearTimeout(this.total);
    this.endWait();
    clearTimeout(this.end);
    this.signal.removeEventListener('abort', this.close);
    this.request?.destroy();
  };

  /** Says that what has come so far was understood. */
  readonly progress = (): void => {
    this.unread = 0;
  };

  /**
   * Says of a piece of the stream whether it gives a reason for the end. Behind one the connection may stay open, or break:
   * that is the end of the body, and no fault.
   */
  readonly piece = (givesReason: boolean): void => {
    if (!givesReason && this.end === undefined) return;
    this.endWait();
    clearTimeout(this.end);
    this.end = setTimeout(() => this.request?.destroy(), END_TIMEOUT_MS);
  };

  /**
   * In the form of `fetch`, for one event stream.
   * After a failure in the middle the body just ends, so that everything before it is still read; `fault` says why.
   */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    // An empty header is how the libraries leave out a key that there is none of.
    const headers = Object.fromEntries([...new Headers(init?.headers)].filter(([, value]) => value !== ''));
    const body = typeof init?.body === 'string' ? init.body : undefined;
    const answer = await this.send(url, init?.method ?? 'GET', { ...headers, accept: 'text/event-stream' }, body);
    const encoding = answer.headers['content-encoding'] ?? 'identity';
    const contentType = `${answer.headers['content-type'] ?? ''}${encoding === 'identity' ? '' : `, ${encoding}`}`;
    if (NO_STREAM.test(contentType) || encoding !== 'identity') {
      throw this.fail({ kind: 'not-a-stream', contentType, body: await this.readSome(answer, MAX_ERROR_BYTES) });
    }
    this.answered = true;
    return new Response(this.stream(answer), { status: 200, headers: { 'content-type': contentType } });
  };

  /** The whole text of an answer to GET. @throws ExchangeFailure */
  async text(url: URL, headers: Readonly<Record<string, string>>, maxBytes: number): Promise<string> {
    const answer = await this.send(url, 'GET', { ...headers, accept: 'application/json' }, undefined);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.stream(answer)) {
      length += chunk.length;
      if (length > maxBytes) throw this.fail({ kind: 'too-large', bytes: length });
      this.progress();
      chunks.push(chunk);
    }
    if (this.first !== undefined) throw new ExchangeFailure(this.first);
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Sends a request and waits for a good status. */
  private async send(url: URL, method: string, headers: Record<string, string>, body: string | undefined) {
    this.signal.throwIfAborted();
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const refuse = (error?: unknown): void => {
        reject(this.fail(faultOf(error)));
      };
      try {
        this.expect(this.limits.connectTimeoutMs, (afterMs) => ({ kind: 'connect-timeout', afterMs }));
        const library = url.protocol === 'https:' ? https : http;
        // Without an agent each request has a connection of its own, closed at its end.
        this.request = library.request(url, {
          method,
          agent: false,
          headers: { ...headers, 'accept-encoding': 'identity' },
        });
        this.request.on('error', refuse).on('close', refuse);
        this.request.on('response', (response) => {
          // From here on the body tells what happens; the request reports the same once more.
          this.request?.off('error', refuse).off('close', refuse).on('error', ignore);
          resolve(response);
        });
        this.request.on('socket', (socket) => {
          socket.setKeepAlive(true, 15_000);
          socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
            this.expect(this.limits.firstByteTimeoutMs, (afterMs) => ({ kind: 'silence', begun: false, afterMs }));
          });
        });
        this.request.end(body);
      } catch (error) {
        refuse(error);
      }
    });
    const status = answer.statusCode ?? 0;
    if (status < 200 || status > 299) {
      const text = await this.readSome(answer, MAX_ERROR_BYTES);
      throw this.fail({ kind: 'status', status, headers: plainHeaders(answer), body: text });
    }
    return answer;
  }

  private stream(answer: http.IncomingMessage): ReadableStream<Uint8Array> {
    const chunks = answer[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const mark = new EndMark();
    let begun = false;
    let isOver = false;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            if (begun && this.end === undefined)
              this.expect(this.limits.silenceTimeoutMs, (afterMs) => ({ kind: 'silence', begun: true, afterMs }));
            const next = isOver ? await chunks.return?.() : await chunks.next();
            this.endWait();
            begun = true;
            if (next === undefined || next.done === true) {
              controller.close();
              return;
            }
            isOver = mark.isIn(next.value);
            this.unread += next.value.length;
            if (this.unread > MAX_UNREAD_BYTES) this.fail({ kind: 'too-large', bytes: this.unread });
            controller.enqueue(next.value);
          } catch (error) {
            if (!this.signal.aborted && this.end === undefined) this.fail({ kind: 'cut', code: codeOf(error) });
            controller.close();
          }
        },
        cancel: () => {
          this.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** The beginning of a body, as far as it comes. What is missing of an error text does not change the error. */
  private async readSome(answer: http.IncomingMessage, maxBytes: number): Promise<string> {
    this.endWait();
    const chunks: Uint8Array[] = [];
    let length = 0;
    const limit = setTimeout(() => answer.destroy(), ERROR_BODY_TIMEOUT_MS);
    try {
      for await (const chunk of answer as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= maxBytes) break;
      }
    } catch {
      return Buffer.concat(chunks).toString('utf8');
    } finally {
      clearTimeout(limit);
    }
    return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
  }

  /** Limits the wait that begins now; the one before ends. */
  private expect(afterMs: number, fault: (afterMs: number) => Fault): void {
    this.endWait();
    const wait = setTimeout(() => {
      // Where this process itself had no time, what has come lies there unread: it is read first.
      setImmediate(() => {
        if (this.wait === wait) this.fail(fault(afterMs));
      });
    }, afterMs);
    this.wait = wait;
  }

  private endWait(): void {
    clearTimeout(this.wait);
    this.wait = undefined;
  }

  private fail(fault: Fault): ExchangeFailure {
    this.first ??= fault;
    this.close();
    return new ExchangeFailure(this.first);
  }
}

/** For errors that reach their reader by another way; without a listener they would end the process. */
function ignore(): void {
  return undefined;
}

function faultOf(error: unknown): Fault {
  const code = codeOf(error);
  if (/CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ALTNAME/.test(code)) return { kind: 'untrusted', code };
  if (/^(HPE_|EPROTO|ERR_SSL)/.test(code)) return { kind: 'not-http', code };
  if (/^ERR_(INVALID|UNESCAPED|HTTP)/.test(code)) return { kind: 'unsendable' };
  return { kind: 'unreachable', code };
}

/** The code of an error, or of the first of several (one for each address that was tried). */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'closed';
}

function plainHeaders(answer: http.IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
