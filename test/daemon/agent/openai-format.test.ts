import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  delta,
  event,
  finish,
  message,
  observe,
  prompt,
  providerAt,
  ProviderServer,
} from './support/provider-server.ts';
import { streamOf } from './support/wires.ts';

let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

const provider = (changes: Parameters<typeof providerAt>[1] = {}) => providerAt(server.baseUrl, changes);
const stream = (...events: string[]): void => {
  server.answer = (socket) => socket.end(streamOf(...events));
};

describe('a server that speaks the OpenAI chat format in its own way', () => {
  test.each([
    ['reports an error as a text', [delta('Hi'), event({ error: 'GPU on fire' })], '"GPU on fire"'],
    ['finishes with an error', [delta('Hi'), finish('error'), event('[DONE]')], 'broke off the reply.'],
    ['ends without a reason', [delta('Hi'), event('[DONE]')], 'without finishing'],
    [
      'calls a tool without a name',
      [
        event({ choices: [{ delta: { tool_calls: [{ index: 0, id: 'a', function: { arguments: '{}' } }] } }] }),
        finish('tool_calls'),
      ],
      'without finishing',
    ],
  ])('breaks its stream when it %s', async (_, events, words) => {
    stream(...events);
    const { error } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.message).toContain(words);
  });

  test.each([
    [{ message: 'slow down', type: 'rate_limit_exceeded' }, 'RATE_LIMITED'],
    [{ message: 'too busy', code: '503' }, 'UNREACHABLE'],
    [{ message: 'bad', code: 400 }, 'REFUSED'],
  ] as const)('is understood when it begins with the error %j', async (error, kind) => {
    stream(event({ error }));
    expect((await observe(provider())).error.kind).toBe(kind);
  });

  test('may send 20 MB around 2 MB of text', async () => {
    const piece = event({ id: 'x', choices: [{ delta: { content: 'x'.repeat(2000) } }], padding: 'y'.repeat(20_000) });
    stream(...Array<string>(1000).fill(piece), finish());
    expect((await observe(provider())).text.length).toBe(2_000_000);
  });

  test('may send no length, no chunks and no usage', async () => {
    server.answer = (socket) =>
      socket.end(`HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${delta('old')}${finish('eos')}`);
    expect((await observe(provider())).reply).toEqual({
      parts: [{ type: 'text', text: 'old' }],
      usage: { inputTokens: 0, outputTokens: 0 },
      reason: 'eos',
    });
  });

  test('may count tokens in numbers that are none', async () => {
    stream(delta('Hi'), finish(), event({ choices: [], usage: { prompt_tokens: -4, completion_tokens: 2.6 } }));
    expect((await observe(provider())).reply?.usage).toEqual({ inputTokens: 0, outputTokens: 3 });
  });

  test('counts the cached tokens among those that went in', async () => {
    const usage = { prompt_tokens: 100, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 90 } };
    stream(delta('Hi'), finish(), event({ choices: [], usage }));
    expect((await observe(provider())).reply?.usage).toEqual({ inputTokens: 100, outputTokens: 3 });
  });

  test('gets the signature of a call back, when it gave one', async () => {
    const extra = { google: { thought_signature: 'sig' } };
    stream(
      event({
        choices: [
          {
            delta: {
              tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{}' }, extra_content: extra }],
            },
          },
        ],
      }),
      finish('tool_calls'),
    );
    const { reply } = await observe(provider());
    await observe(provider(), {
      messages: [
        prompt('hello'),
        message('assistant', [...(reply?.parts ?? [])]),
        message('tool', [{ type: 'tool-result', callId: 'a', name: 'f', output: 'ok', isError: false }]),
      ],
    });
    expect(JSON.parse(server.requests[1]?.body ?? '')).toMatchObject({
      messages: [{}, { tool_calls: [{ id: 'a', extra_content: extra }] }, { tool_call_id: 'a' }],
    });
  });

  test('is told how far to think and how much to write, when the configuration says so', async () => {
    stream(delta('Hi'), finish());
    await observe(provider({ reasoning: 'low', maxOutputTokens: 99 }));
    await observe(provider());
    const [asked, plain] = server.requests.map((request) => JSON.parse(request.body) as Record<string, unknown>);
    expect(asked).toMatchObject({ reasoning_effort: 'low', max_tokens: 99 });
    expect(Object.keys(plain ?? {}).toSorted()).toEqual(['messages', 'model', 'stream', 'stream_options']);
  });
});
