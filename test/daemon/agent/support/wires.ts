/** What a server sends in each of the three formats, event by event, for tests that send it themselves. */
import type { ProviderConfiguration } from '../../../../daemon/config/configuration.ts';
import { chunk, delta, DONE, event, finish, LAST_CHUNK, STREAM_HEAD, USAGE } from './provider-server.ts';

interface Wire {
  readonly type: ProviderConfiguration['type'];
  /** What comes before the first piece of a block. */
  begin(kind?: 'text' | 'thought' | 'call'): string;
  text(piece: string): string;
  thought(piece: string): string;
  /** A piece of the input of the call that has begun. */
  callInput(piece: string): string;
  /** Everything from the last piece to the end, with seven tokens in and three out. */
  end(reason?: string): string;
  error(error: object): string;
  /** The words of the format for the ends that all formats have. */
  readonly reasons: { readonly stop: string; readonly length: string; readonly filter: string };
  /** A header that carries the key. */
  keyHeader(key: string): string;
}

/** An answer that consists of these events, each in a chunk of its own. */
export function streamOf(...events: string[]): string {
  return STREAM_HEAD + events.map((one) => (one === '' ? '' : chunk(one))).join('') + LAST_CHUNK;
}

const choice = (piece: object): string => event({ id: 'x', choices: [{ index: 0, delta: piece }] });

const OPENAI: Wire = {
  type: 'openai-compatible',
  begin: () => '',
  text: delta,
  thought: (piece) => choice({ reasoning_content: piece }),
  callInput: (piece) => choice({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: piece } }] }),
  end: (reason) => finish(reason) + USAGE + DONE,
  error: (error) => event({ error }),
  reasons: { stop: 'stop', length: 'length', filter: 'content_filter' },
  keyHeader: (key) => `authorization: Bearer ${key}`,
};

/** An event with its name, as Anthropic sends it. */
export function named(type: string, data: object): string {
  return `event: ${type}\n${event({ type, ...data })}`;
}

const BLOCKS = {
  text: { type: 'text', text: '' },
  thought: { type: 'thinking', thinking: '', signature: '' },
  call: { type: 'tool_use', id: 'a', name: 'f', input: {} },
};
export const MESSAGE_START = named('message_start', {
  message: {
    id: 'm',
    type: 'message',
    role: 'assistant',
    content: [],
    model: 'x',
    usage: { input_tokens: 7, output_tokens: 1 },
  },
});
const blockDelta = (delta: object): string => named('content_block_delta', { index: 0, delta });

const ANTHROPIC: Wire = {
  type: 'anthropic',
  begin: (kind = 'text') => MESSAGE_START + named('content_block_start', { index: 0, content_block: BLOCKS[kind] }),
  text: (text) => blockDelta({ type: 'text_delta', text }),
  thought: (thinking) => blockDelta({ type: 'thinking_delta', thinking }),
  callInput: (piece) => blockDelta({ type: 'input_json_delta', partial_json: piece }),
  end: (reason = 'end_turn') =>
    named('content_block_stop', { index: 0 }) +
    named('message_delta', { delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 3 } }) +
    named('message_stop', {}),
  error: (error) => named('error', { error }),
  reasons: { stop: 'end_turn', length: 'max_tokens', filter: 'refusal' },
  keyHeader: (key) => `x-api-key: ${key}`,
};

const candidate = (part: object): string =>
  event({ candidates: [{ content: { role: 'model', parts: [part] }, index: 0 }], modelVersion: 'x' });

const GOOGLE: Wire = {
  type: 'google',
  begin: () => '',
  text: (text) => candidate({ text }),
  thought: (text) => candidate({ text, thought: true }),
  callInput: (piece) => candidate({ functionCall: { name: 'f', args: { piece } } }),
  end: (reason = 'STOP') =>
    event({
      candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: reason, index: 0 }],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
    }),
  error: (error) => event({ error }),
  reasons: { stop: 'STOP', length: 'MAX_TOKENS', filter: 'SAFETY' },
  keyHeader: (key) => `x-goog-api-key: ${key}`,
};

export const WIRES = [OPENAI, ANTHROPIC, GOOGLE] as const;
