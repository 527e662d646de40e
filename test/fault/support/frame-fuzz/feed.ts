/** Feeds one input to the server as a peer would, and says what was wrong with what came back. */
import { connect, type Socket } from 'node:net';
import { ERROR_CODES, ERROR_KINDS } from '../../../../protocol/errors.ts';
import { FrameDecoder, encodeFrame } from '../../../../protocol/frame.ts';
import { helloParams } from '../../../support/raw-client.ts';
import type { Input } from './input.ts';
import { readAll } from './reference.ts';

/** Time for anything that is expected to come, in milliseconds; generous, since many processes share the machine. */
const DEADLINE_MS = 5_000;
const FEW = 6;
const PROBE = { jsonrpc: '2.0', id: 'probe', method: 'history/list', params: {} };
const PROBE_FRAME = encodeFrame(JSON.stringify(PROBE));
const CODES: ReadonlySet<unknown> = new Set(Object.values(ERROR_CODES));
const KINDS: ReadonlySet<unknown> = new Set(ERROR_KINDS);

type Fields = Record<string, unknown>;

class Peer {
  readonly socket: Socket;
  readonly messages: Fields[] = [];
  isClosed = false;
  /** Was still writing when the server had left: what it was told in the end is then lost with the socket. */
  wasCutOff = false;
  problem: string | undefined;
  #wake: () => void = () => undefined;

  constructor(path: string) {
    this.socket = connect(path);
    const decoder = new FrameDecoder();
    this.socket.on('data', (chunk: Buffer) => {
      try {
        for (const body of decoder.push(chunk)) this.messages.push(JSON.parse(body.toString('utf8')) as Fields);
      } catch {
        this.problem = 'the server sends what is no frame';
      }
      this.#wake();
    });
    this.socket.on('error', () => {
      this.wasCutOff = true;
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** @returns whether it became true in time. */
  async until(condition: () => boolean): Promise<boolean> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  }

  has(fits: (message: Fields) => boolean): boolean {
    return this.messages.some(fits);
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length > 0 && this.socket.writable) this.socket.write(bytes);
    // The server reads in between, so that a cut is a chunk of its own.
    await new Promise(setImmediate);
  }
}

/**
 * @param apartMs time between the pieces of an input that is in few, in milliseconds.
 * @returns what is wrong, in sentences.
 */
export async function feed(path: string, input: Input, apartMs: number): Promise<string[]> {
  const crowd = Array.from({ length: input.crowd }, () => new Peer(path));
  const peer = new Peer(path);
  try {
    if (input.greeted && !(await greet(peer))) return peer.isClosed ? [] : ['the handshake is not answered'];
    if (input.stalls) peer.socket.pause();
    let from = 0;
    for (const cut of [...input.cuts, input.bytes.length]) {
      await peer.write(input.bytes.subarray(from, cut));
      // A few pieces are given the time to be handled one by one; with many the kernel decides.
      if (input.cuts.length > 0 && input.cuts.length <= FEW)
        await new Promise((resolve) => setTimeout(resolve, apartMs));
      from = Math.max(from, cut);
    }
    if (input.leaves) return [];
    if (input.greeted) await peer.write(PROBE_FRAME);
    peer.socket.resume();
    const problems = input.greeted ? await afterwards(peer, input) : await beforehand(peer, input);
    return [...problems, ...peer.messages.flatMap((message) => wrongWith(message))];
  } finally {
    for (const one of [...crowd, peer]) one.socket.destroy();
  }
}

async function greet(peer: Peer): Promise<boolean> {
  await peer.write(
    encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: 'hello', method: 'initialize', params: helloParams() })),
  );
  await peer.until(() => peer.isClosed || peer.messages.length > 0);
  const isGreeted = peer.has(({ id, result }) => id === 'hello' && result !== undefined);
  peer.messages.length = 0;
  return isGreeted;
}

/** Either the request behind the input is answered, or the connection is closed for a reason that is told. */
async function afterwards(peer: Peer, input: Input): Promise<string[]> {
  const { end, bodies } = readAll(Buffer.concat([input.bytes, PROBE_FRAME]));
  const mayEnd = !input.knobs.loads || input.bytes.includes('config/get');
  if (end === 'broken') {
    if (!(await peer.until(() => peer.isClosed))) return ['a broken stream is not closed'];
    const last = peer.messages.at(-1);
    return mayEnd || peer.wasCutOff || isRefusal(last, ERROR_CODES.PARSE)
      ? []
      : [`a broken stream ends with ${JSON.stringify(last)}`];
  }
  const isProbeLast = (bodies.at(-1) as Fields | null)?.['id'] === PROBE.id;
  if (end === 'whole' && isProbeLast) {
    const isThere = (): boolean => peer.has(({ id }) => id === 'probe');
    if (await peer.until(() => isThere() || (mayEnd && peer.isClosed))) return [];
    return [`the next request is not answered${peer.isClosed ? ', the connection was closed' : ''}`];
  }
  return peer.isClosed && !mayEnd ? ['a stream that may go on was closed'] : [];
}

/** Before a handshake a connection is greeted, asks the desk alone, or is closed in time. */
async function beforehand(peer: Peer, input: Input): Promise<string[]> {
  const isWelcome = (): boolean =>
    peer.has(({ result }) => typeof result === 'object' && result !== null && 'protocol' in result) ||
    peer.has(({ error }) => (error as { data?: Fields } | undefined)?.data?.['kind'] === 'VERSION_MISMATCH');
  if (!(await peer.until(() => peer.isClosed || isWelcome()))) return ['a stranger is neither greeted nor sent away'];
  if (isWelcome() && input.knobs.loads && readAll(input.bytes).end === 'broken') {
    return (await peer.until(() => peer.isClosed)) ? [] : ['a stream that breaks behind the handshake is not closed'];
  }
  if (isWelcome() || input.crowd > 0 || peer.wasCutOff) return [];
  const last = peer.messages.at(-1);
  return last !== undefined && 'error' in last ? [] : ['a stranger is sent away without a word'];
}

function isRefusal(message: Fields | undefined, code: number): boolean {
  return message?.['id'] === null && (message['error'] as Fields | undefined)?.['code'] === code;
}

/** Whether it is a message that a client may be sent. */
function wrongWith(message: Fields): string[] {
  const text = JSON.stringify(message);
  if (text.includes('hunter2')) return ['a secret of a handler is told'];
  if (message['jsonrpc'] !== '2.0') return text === '{}' ? [] : [`no message: ${text.slice(0, 100)}`];
  if ('method' in message) return [];
  if ('result' in message === 'error' in message) return [`neither result nor error: ${text.slice(0, 100)}`];
  const error = message['error'] as { code?: unknown; message?: unknown; data?: { kind?: unknown } } | undefined;
  if (error === undefined) return [];
  // What is too long to be sent is told by the library, which has a code of its own for it.
  if (!CODES.has(error.code)) return [`an unknown code: ${text.slice(0, 200)}`];
  if (error.data !== undefined && !KINDS.has(error.data.kind)) return [`an unknown kind: ${text.slice(0, 200)}`];
  return String(error.message).length > 400 ? ['an error repeats what was sent'] : [];
}
