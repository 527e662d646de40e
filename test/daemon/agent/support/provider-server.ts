/** A server on loopback that does what a test says, byte by byte, and what the tests need to ask it. */
import * as net from 'node:net';
import type { ProviderConfiguration } from '../../../../daemon/config/configuration.ts';
import { ProviderModel } from '../../../../daemon/agent/provider-model.ts';
import type { StepReply } from '../../../../daemon/agent/step-model.ts';
import { isErrorKind, ProtocolError } from '../../../../protocol/errors.ts';
import type { Message, Part } from '../../../../protocol/message.ts';

export interface ReceivedRequest {
  readonly head: string;
  readonly body: string;
}

type Answer = (socket: net.Socket, request: ReceivedRequest) => unknown;

/** Answers each connection's one request in the way it was told last. */
export class ProviderServer {
  readonly requests: ReceivedRequest[] = [];
  answer: Answer = (socket) => socket.end();
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  private constructor() {
    this.server = net.createServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      this.readRequest(socket);
    });
  }

  /** @param port a free one when it is 0. */
  static async start(port = 0): Promise<ProviderServer> {
    const server = new ProviderServer();
    await new Promise<void>((resolve) => server.server.listen(port, '127.0.0.1', resolve));
    return server;
  }

  get baseUrl(): string {
    const address = this.server.address() as net.AddressInfo;
    return `http://127.0.0.1:${address.port}/v1`;
  }

  get connections(): number {
    return this.sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private readRequest(socket: net.Socket): void {
    const chunks: Buffer[] = [];
    let received = 0;
    let head: string | undefined;
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      received += chunk.length;
      if (head === undefined) {
        const text = Buffer.concat(chunks).toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end === -1) return;
        head = text.slice(0, end);
      }
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (received < head.length + 4 + length) return;
      socket.off('data', take);
      const body = Buffer.concat(chunks).subarray(head.length + 4);
      const request = { head, body: body.toString('utf8') };
      this.requests.push(request);
      this.answer(socket, request);
    };
    socket.on('data', take);
  }
}

/** A whole answer with a length, as most error answers are. */
export function plain(
  status: string,
  body: string,
  headers: readonly string[] = ['content-type: application/json'],
): string {
  return [
    `HTTP/1.1 ${status}`,
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}

export const STREAM_HEAD = [
  'HTTP/1.1 200 OK',
  'content-type: text/event-stream',
  'transfer-encoding: chunked',
  'connection: close',
  '',
  '',
].join('\r\n');

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

export const LAST_CHUNK = '0\r\n\r\n';

export function event(data: unknown): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

/** A piece of text in the chat format of OpenAI. */
export function delta(content: string): string {
  return event({ id: 'x', choices: [{ index: 0, delta: { content } }] });
}

export function finish(reason = 'stop'): string {
  return event({ id: 'x', choices: [{ index: 0, delta: {}, finish_reason: reason }] });
}

export const USAGE = event({
  id: 'x',
  choices: [],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
});
export const DONE = event('[DONE]');

/** A provider with short waits, for tests that reach them. */
export function providerAt(baseUrl: string, changes: Partial<ProviderConfiguration> = {}): ProviderConfiguration {
  return {
    name: 'local',
    type: 'openai-compatible',
    baseUrl,
    apiKeyEnv: undefined,
    models: [],
    headers: {},
    reasoning: undefined,
    maxOutputTokens: undefined,
    connectTimeoutMs: 2000,
    firstByteTimeoutMs: 2000,
    silenceTimeoutMs: 2000,
    ...changes,
  };
}

export function message(role: Message['role'], parts: Part[], turn = 1): Message {
  return { seq: 0, turn, role, parts, at: '2026-01-01T00:00:00.000Z' };
}

export function prompt(text: string, turn = 1): Message {
  return message('user', [{ type: 'text', text }], turn);
}

/** A step and everything that reached the sink. */
export interface Observed {
  readonly reply: StepReply | undefined;
  readonly error: ProtocolError;
  readonly text: string;
  readonly reasoning: string;
}

/** Runs one step to its end, whichever that is. Anything but a ProtocolError is a failure of the test. */
export async function observe(
  provider: ProviderConfiguration,
  options: {
    apiKey?: string;
    signal?: AbortSignal;
    messages?: readonly Message[];
    model?: string;
    onText?: (text: string) => void;
  } = {},
): Promise<Observed> {
  let text = '';
  let reasoning = '';
  const sink = {
    text: (piece: string) => {
      text += piece;
      options.onText?.(text);
    },
    reasoning: (piece: string) => {
      reasoning += piece;
    },
  };
  const { model = 'some-model', messages = [prompt('hello')], apiKey } = options;
  try {
    const reply = await new ProviderModel(provider).step(
      { model, messages, apiKey, system: '', tools: [] },
      sink,
      options.signal ?? new AbortController().signal,
    );
    return { reply, error: new ProtocolError('INTERNAL', 'there is no error'), text, reasoning };
  } catch (error) {
    if (!(error instanceof ProtocolError) || !isErrorKind(error.kind)) throw error;
    return { reply: undefined, error, text, reasoning };
  }
}

/** Waits for a condition, and fails when it does not come true. */
export async function until(condition: () => boolean, what: string, deadlineMs = 5000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
