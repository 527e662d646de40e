/** A server on loopback that speaks all three formats, answers as a script says, and checks each request by its format's rules. */
import type * as net from 'node:net';
import {
  chunk,
  event,
  LAST_CHUNK,
  plain,
  ProviderServer,
  STREAM_HEAD,
  type ReceivedRequest,
} from './provider-server.ts';
import { WIRE_RULES } from './wire-rules.ts';
import { named } from './wires.ts';

export type Format = keyof typeof WIRE_RULES;

export interface ScriptedCall {
  readonly name: string;
  /** As the model writes them; not all formats can carry what is no JSON. */
  readonly args: string;
  /** `null`: none. Default one that is unique in the conversation. */
  readonly id?: string | null;
  readonly signature?: string;
}

/** One reply of a model, in no format. */
export interface Scripted {
  readonly thought?: string;
  readonly signature?: string;
  readonly text?: string;
  readonly calls?: readonly ScriptedCall[];
  /** Default: what fits. */
  readonly reason?: 'stop' | 'calls' | 'length';
  readonly tokens?: readonly [number, number];
  /** The connection breaks in the middle of the last call, or before the end. */
  readonly cut?: 'in-call' | 'before-end';
  /** Nothing more comes after so much. */
  readonly silent?: boolean;
}

/** A reply, an answer that is none, or nothing at all: the connection is closed. */
export type Answer =
  Scripted | { readonly status: string; readonly body: string; readonly headers?: readonly string[] };

export class ScriptedServer {
  readonly #server: ProviderServer;
  #script: Answer[] = [];
  #ids = 0;
  /** Is asked when the script is over, or before it. */
  otherwise: (request: ReceivedRequest, format: Format) => Answer = () => ({ text: 'The script is over.' });

  private constructor(server: ProviderServer) {
    this.#server = server;
    server.answer = (socket, request) => {
      const format = formatOf(request);
      this.#send(socket, format, this.#script.shift() ?? this.otherwise(request, format));
    };
  }

  static async start(): Promise<ScriptedServer> {
    return new ScriptedServer(await ProviderServer.start());
  }

  get baseUrl(): string {
    return this.#server.baseUrl;
  }

  get requests(): readonly ReceivedRequest[] {
    return this.#server.requests;
  }

  /** Bodies of the requests since the last script. */
  get bodies(): string[] {
    return this.requests.map(({ body }) => body);
  }

  /** Forgets what was, and answers like this from now on. */
  play(...script: Answer[]): void {
    this.#server.requests.length = 0;
    this.#script = script;
    this.otherwise = () => ({ text: 'The script is over.' });
  }

  /** Everything that a server of the format would refuse in the requests since the last script. */
  faults(): string[] {
    return this.requests.flatMap((request, at) => {
      const tools = (JSON.parse(request.body) as { tools?: unknown }).tools;
      const isCalling = /"(tool_use|tool_calls|functionCall)":|"type":"tool_use"/.test(request.body);
      const untold = isCalling && tools === undefined ? ['calls of tools that are not declared'] : [];
      return [...WIRE_RULES[formatOf(request)](request.body), ...untold].map((fault) => `request ${at}: ${fault}`);
    });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #send(socket: net.Socket, format: Format, answer: Answer): void {
    if ('status' in answer) {
      socket.end(plain(answer.status, answer.body, ['content-type: application/json', ...(answer.headers ?? [])]));
      return;
    }
    const events = RENDER[format](answer, () => `id-${(this.#ids += 1)}`);
    const part = answer.cut === undefined && answer.silent !== true ? events : events.slice(0, -1);
    socket.write(STREAM_HEAD + part.map((one) => chunk(one)).join(''));
    if (answer.silent === true) return;
    if (answer.cut === undefined) socket.end(LAST_CHUNK);
    // What was written arrives first.
    else setTimeout(() => socket.destroy(), 50);
  }
}

function formatOf({ head }: ReceivedRequest): Format {
  const [line = ''] = head.split('\r\n', 1);
  if (line.includes('/chat/completions')) return 'openai-compatible';
  return line.includes('/messages') ? 'anthropic' : 'google';
}

type Render = (reply: Scripted, newId: () => string) => string[];

/** Everything but the last event comes also when the reply is cut off before its end. */
const RENDER: Readonly<Record<Format, Render>> = {
  'openai-compatible': renderOpenAI,
  anthropic: renderAnthropic,
  google: renderGoogle,
};

function reasonOf({ reason, calls = [] }: Scripted): 'stop' | 'calls' | 'length' {
  return reason ?? (calls.length > 0 ? 'calls' : 'stop');
}

/** In two pieces, so that the second may be missing. */
function halves(text: string): [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

function renderOpenAI(reply: Scripted, newId: () => string): string[] {
  const choice = (delta: object): string => event({ id: 'x', choices: [{ index: 0, delta }] });
  const events: string[] = [];
  if (reply.thought !== undefined) events.push(choice({ reasoning_content: reply.thought }));
  if (reply.text !== undefined) events.push(choice({ content: reply.text }));
  for (const [index, { name, args, id = newId() }] of (reply.calls ?? []).entries()) {
    const [first, second] = halves(args);
    events.push(
      choice({
        tool_calls: [{ index, ...(id === null ? {} : { id }), type: 'function', function: { name, arguments: first } }],
      }),
      choice({ tool_calls: [{ index, function: { arguments: second } }] }),
    );
  }
  if (reply.cut === 'in-call') return events;
  const [input, output] = reply.tokens ?? [7, 3];
  const reason = { stop: 'stop', calls: 'tool_calls', length: 'length' }[reasonOf(reply)];
  const usage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  const end = event({ id: 'x', choices: [{ index: 0, delta: {}, finish_reason: reason }] });
  return [...events, end + event({ id: 'x', choices: [], usage }) + event('[DONE]')];
}

function renderAnthropic(reply: Scripted, newId: () => string): string[] {
  const [input, output] = reply.tokens ?? [7, 3];
  const message = { id: 'm', type: 'message', role: 'assistant', content: [], model: 'x' };
  const usage = { input_tokens: input, output_tokens: 1 };
  const events = [named('message_start', { message: { ...message, usage } })];
  let index = 0;
  const block = (content: object, deltas: readonly object[]): void => {
    events.push(named('content_block_start', { index, content_block: content }));
    for (const delta of deltas) events.push(named('content_block_delta', { index, delta }));
    events.push(named('content_block_stop', { index }));
    index += 1;
  };
  const { thought, signature = 'signed', text } = reply;
  if (thought !== undefined) {
    const deltas = [
      { type: 'thinking_delta', thinking: thought },
      { type: 'signature_delta', signature },
    ];
    block({ type: 'thinking', thinking: '', signature: '' }, deltas);
  }
  if (text !== undefined) block({ type: 'text', text: '' }, [{ type: 'text_delta', text }]);
  for (const { name, args, id } of reply.calls ?? []) {
    const pieces = halves(args).filter((piece) => piece !== '');
    const deltas = pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece }));
    block({ type: 'tool_use', id: id ?? newId(), name, input: {} }, deltas);
  }
  if (reply.cut === 'in-call') return events.slice(0, -1);
  const reason = { stop: 'end_turn', calls: 'tool_use', length: 'max_tokens' }[reasonOf(reply)];
  const delta = { stop_reason: reason, stop_sequence: null };
  return [...events, named('message_delta', { delta, usage: { output_tokens: output } }) + named('message_stop', {})];
}

function renderGoogle(reply: Scripted, newId: () => string): string[] {
  const candidate = (part: object): string =>
    event({ candidates: [{ content: { role: 'model', parts: [part] }, index: 0 }], modelVersion: 'x' });
  const events: string[] = [];
  if (reply.thought !== undefined) events.push(candidate({ text: reply.thought, thought: true }));
  if (reply.text !== undefined) events.push(candidate({ text: reply.text }));
  for (const { name, args, id = newId(), signature } of reply.calls ?? []) {
    const functionCall = { ...(id === null ? {} : { id }), name, args: valueOf(args) };
    events.push(candidate({ functionCall, ...(signature === undefined ? {} : { thoughtSignature: signature }) }));
  }
  const [input, output] = reply.tokens ?? [7, 3];
  const end = {
    candidates: [
      {
        content: { role: 'model', parts: [{ text: '' }] },
        finishReason: reasonOf(reply) === 'length' ? 'MAX_TOKENS' : 'STOP',
        index: 0,
      },
    ],
    usageMetadata: { promptTokenCount: input, candidatesTokenCount: output, totalTokenCount: input + output },
  };
  return [...events, event(end)];
}

function valueOf(args: string): unknown {
  try {
    return JSON.parse(args || '{}');
  } catch {
    return args;
  }
}
