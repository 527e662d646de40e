/** One attempt to reach the daemon: the checks, the connection, the greeting. */
import { lstatSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { InitializeParams, InitializeResult } from '../../protocol/admin.ts';
import type { Endpoint } from '../../protocol/endpoint.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { FrameDecoder, encodeFrame } from '../../protocol/frame.ts';
import type { EarlyInput } from '../../protocol/framing.ts';
import { checkWayToSocket } from './locations.ts';
import { pause } from './pause.ts';
import { refuseForeignOwner } from './private-directory.ts';

/** How long a daemon that accepts connections may take to greet. */
const GREETING_MS = 2_000;
const RETRY_MS = 10;
const HELLO_ID = 'hello';

/** A connection whose greeting is over; the socket is paused and belongs to the caller. */
export interface Greeting {
  readonly socket: Socket;
  readonly result: InitializeResult;
  /** What has arrived behind the greeting. */
  readonly early: EarlyInput;
}

export type DialResult =
  | { readonly kind: 'greeted'; readonly greeting: Greeting }
  /** Nobody listens. */
  | { readonly kind: 'absent' }
  /** Somebody listens and says nothing. */
  | { readonly kind: 'silent' }
  /** The answer was an error. */
  | { readonly kind: 'refused'; readonly error: ProtocolError };

export interface DialOptions {
  readonly greetingMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when the hello is on its way: the time to load what comes after the answer. */
  readonly meanwhile?: (() => void) | undefined;
}

type Attempt = DialResult | { readonly kind: 'reset' };

/**
 * Connects and greets. A connection that ends before the greeting met a daemon that was just leaving or being replaced,
 * and is tried again within the same deadline.
 *
 * @throws ProtocolError UNSAFE_DIRECTORY when the way to the socket is not ours alone; the signal's reason when aborted.
 */
export async function dial(
  endpoint: Endpoint,
  hello: InitializeParams,
  options: DialOptions = {},
): Promise<DialResult> {
  const deadline = performance.now() + (options.greetingMs ?? GREETING_MS);
  for (;;) {
    options.signal?.throwIfAborted();
    if (!checkWayToSocket(endpoint) || !checkSocket(endpoint.socketPath)) return { kind: 'absent' };
    const left = deadline - performance.now();
    const attempt: Attempt = left <= 0 ? { kind: 'silent' } : await greet(endpoint.socketPath, hello, left, options);
    if (attempt.kind !== 'reset') return attempt;
    await pause(RETRY_MS * (0.5 + Math.random()), options.signal);
  }
}

function checkSocket(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  refuseForeignOwner(path, found.uid);
  if (!found.isSocket()) {
    throw new ProtocolError('UNSAFE_DIRECTORY', `${path} is not a socket`, { hint: `Remove it: \`rm '${path}'\`.` });
  }
  return true;
}

function greet(path: string, hello: InitializeParams, limitMs: number, options: DialOptions): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const decoder = new FrameDecoder();
  const socket = connect(path);
  // A process that was stopped itself finds its timer expired and the answer waiting: the answer is read first.
  const timer = setTimeout(() => setImmediate(finish, { kind: 'silent' }), limitMs);

  function finish(attempt: Attempt): void {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onReset);
    // One by one: the socket has listeners of its own that it needs.
    socket.off('connect', onConnect).off('error', onError).off('close', onReset).off('data', onData);
    if (attempt.kind === 'greeted') {
      socket.pause();
    } else {
      // A late error has nobody to tell any more.
      socket.on('error', () => undefined).destroy();
    }
    resolve(attempt);
  }
  function onReset(): void {
    finish({ kind: 'reset' });
  }
  function onError(error: NodeJS.ErrnoException): void {
    finish(classify(error));
  }
  function onConnect(): void {
    socket.write(encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: HELLO_ID, method: 'initialize', params: hello })));
    options.meanwhile?.();
  }
  function onData(chunk: Buffer): void {
    const attempt = readAnswer(socket, decoder, chunk, hello.protocol);
    if (attempt !== undefined) finish(attempt);
  }

  options.signal?.addEventListener('abort', onReset, { once: true });
  socket.on('connect', onConnect).on('error', onError).on('close', onReset).on('data', onData);
  return promise;
}

function classify(error: NodeJS.ErrnoException): Attempt {
  const code = error.code ?? 'unknown';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return { kind: 'absent' };
  // Linux says EAGAIN while the queue of connections is full.
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'EAGAIN') return { kind: 'reset' };
  return { kind: 'refused', error: unreadable(`the connection failed (${code})`, error) };
}

function readAnswer(
  socket: Socket,
  decoder: FrameDecoder,
  chunk: Buffer,
  offered: InitializeParams['protocol'],
): Attempt | undefined {
  try {
    const [first, ...bodies] = decoder.push(chunk);
    if (first === undefined) return undefined;
    const answer = JSON.parse(first.toString('utf8')) as {
      result?: unknown;
      error?: { message?: unknown; data?: unknown };
    };
    if (answer.error !== undefined) {
      return { kind: 'refused', error: ProtocolError.fromWire(String(answer.error.message), answer.error.data) };
    }
    if (!isGreeting(answer.result, offered))
      return { kind: 'refused', error: unreadable('it greets like no daemon of m') };
    return { kind: 'greeted', greeting: { socket, result: answer.result, early: { decoder, bodies } } };
  } catch (error) {
    return { kind: 'refused', error: unreadable('its answer cannot be read', error) };
  }
}

/** The least that must hold for the rest to be believed; what was agreed upon holds for the other fields. */
function isGreeting(value: unknown, offered: InitializeParams['protocol']): value is InitializeResult {
  if (typeof value !== 'object' || value === null) return false;
  const { protocol, daemon } = value as Partial<InitializeResult>;
  return (
    typeof protocol === 'number' &&
    protocol >= offered.min &&
    protocol <= offered.max &&
    typeof daemon?.pid === 'number' &&
    typeof daemon.build?.id === 'string'
  );
}

function unreadable(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('DAEMON_UNAVAILABLE', `something answers on the daemon's socket, but ${what}`, {
    hint: '`mctl doctor` shows what is there; `mctl daemon restart --force` replaces it.',
    cause,
  });
}
