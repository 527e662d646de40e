import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { within } from '../../support/own-time.ts';
import { message, observe, plain, prompt, providerAt, ProviderServer } from './support/provider-server.ts';
import { MESSAGE_START, named, streamOf, WIRES } from './support/wires.ts';

const wire = WIRES[1];
let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

const provider = (changes: Parameters<typeof providerAt>[1] = {}) =>
  providerAt(server.baseUrl, { type: 'anthropic', ...changes });
const stream = (...events: string[]): void => {
  server.answer = (socket) => socket.end(streamOf(...events));
};
const begin = (index: number, block: object): string => named('content_block_start', { index, content_block: block });
const delta = (index: number, piece: object): string => named('content_block_delta', { index, delta: piece });
const stop = (index: number): string => named('content_block_stop', { index });
const end = (reason: string, usage: object = { output_tokens: 3 }): string =>
  named('message_delta', { delta: { stop_reason: reason }, usage }) + named('message_stop', {});

/** A reply that thinks twice, once in secret, and then calls two tools. */
const THOUGHTFUL = [
  MESSAGE_START,
  begin(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, { type: 'thinking_delta', thinking: 'Let me ' }),
  delta(0, { type: 'thinking_delta', thinking: 'see.' }),
  delta(0, { type: 'signature_delta', signature: 'sig-1' }),
  stop(0),
  begin(1, { type: 'redacted_thinking', data: 'secret-2' }),
  stop(1),
  begin(2, { type: 'text', text: '' }),
  delta(2, { type: 'text_delta', text: 'I will look.' }),
  stop(2),
  begin(3, { type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }),
  delta(3, { type: 'input_json_delta', partial_json: '{"path":' }),
  delta(3, { type: 'input_json_delta', partial_json: '"a"}' }),
  stop(3),
  begin(4, { type: 'tool_use', id: 'toolu_2', name: 'list', input: {} }),
  stop(4),
  end('tool_use'),
];

describe('a server that speaks the Anthropic format', () => {
  test('is asked in the way it documents', async () => {
    stream(wire.begin(), wire.text('Hi'), wire.end());
    await observe(provider({ headers: { 'anthropic-beta': 'x-1', 'x-title': 'tests' } }), { apiKey: 'a-key' });
    const { head, body } = server.requests[0] ?? { head: '', body: '{}' };
    expect(head).toMatch(/^POST \/v1\/messages HTTP/);
    for (const header of ['x-api-key: a-key', 'anthropic-version: 2023-06-01', 'anthropic-beta: x-1', 'x-title: tests'])
      expect(head.toLowerCase()).toContain(header);
    expect(head.toLowerCase()).not.toContain('authorization');
    expect(JSON.parse(body)).toEqual({
      model: 'some-model',
      max_tokens: 4096,
      stream: true,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    });
  });

  test('without a key is sent none, whatever the environment of the daemon holds', async () => {
    process.env['ANTHROPIC_API_KEY'] = 'not-for-this-server';
    try {
      stream(wire.begin(), wire.text('Hi'), wire.end());
      expect((await observe(provider())).text).toBe('Hi');
    } finally {
      delete process.env['ANTHROPIC_API_KEY'];
    }
    expect(server.requests[0]?.head.toLowerCase()).not.toContain('x-api-key');
  });

  test('keeps its thoughts apart, with what it wants back for each', async () => {
    stream(...THOUGHTFUL);
    const { reply, text, reasoning } = await observe(provider(), { model: 'claude-x' });
    expect(text).toBe('I will look.');
    expect(reasoning).toBe('Let me see.');
    expect(reply?.reason).toBe('tool-calls');
    expect(reply?.parts).toEqual([
      {
        type: 'reasoning',
        text: 'Let me see.',
        providerMetadata: {
          local: { server: server.baseUrl, model: 'claude-x', kept: { anthropic: { signature: 'sig-1' } } },
        },
      },
      {
        type: 'reasoning',
        text: '',
        providerMetadata: {
          local: { server: server.baseUrl, model: 'claude-x', kept: { anthropic: { redactedData: 'secret-2' } } },
        },
      },
      { type: 'text', text: 'I will look.' },
      { type: 'tool-call', callId: 'toolu_1', name: 'read', arguments: '{"path":"a"}' },
      { type: 'tool-call', callId: 'toolu_2', name: 'list', arguments: '{}' },
    ]);
  });

  test('gets its thoughts back unchanged and before the calls, while the turn lasts', async () => {
    stream(...THOUGHTFUL);
    const { reply } = await observe(provider(), { model: 'claude-x' });
    const messages = [
      prompt('hello'),
      message('assistant', [...(reply?.parts ?? [])]),
      message('tool', [
        { type: 'tool-result', callId: 'toolu_1', name: 'read', output: 'found', isError: false },
        { type: 'tool-result', callId: 'toolu_2', name: 'list', output: 'no such directory', isError: true },
      ]),
    ];
    await observe(provider(), { model: 'claude-x', messages });
    expect(JSON.parse(server.requests[1]?.body ?? '').messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Let me see.', signature: 'sig-1' },
          { type: 'redacted_thinking', data: 'secret-2' },
          { type: 'text', text: 'I will look.' },
          { type: 'tool_use', id: 'toolu_1', name: 'read', input: { path: 'a' } },
          { type: 'tool_use', id: 'toolu_2', name: 'list', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: 'found' },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: 'no such directory', is_error: true },
        ],
      },
    ]);
  });

  test('is the only one that gets them, and only while the turn lasts', async () => {
    stream(...THOUGHTFUL);
    const { reply } = await observe(provider(), { model: 'claude-x' });
    const messages = [
      prompt('hello'),
      message('assistant', [...(reply?.parts ?? [])]),
      message('tool', [{ type: 'tool-result', callId: 'toolu_1', name: 'read', output: 'found', isError: false }]),
    ];
    const elsewhere = await ProviderServer.start();
    const others = [
      { provider: provider(), model: 'claude-y', messages },
      { provider: provider({ name: 'other' }), model: 'claude-x', messages },
      { provider: provider({ baseUrl: elsewhere.baseUrl }), model: 'claude-x', messages },
      { provider: providerAt(elsewhere.baseUrl, { type: 'google' }), model: 'claude-x', messages },
      { provider: providerAt(elsewhere.baseUrl), model: 'claude-x', messages },
      { provider: provider(), model: 'claude-x', messages: [...messages, prompt('and now?', 2)] },
    ];
    for (const { provider: asked, ...options } of others) await observe(asked, options);
    const requests = [...server.requests.slice(1), ...elsewhere.requests];
    await elsewhere.stop();
    expect(requests).toHaveLength(others.length);
    for (const { body } of requests) {
      expect(body).toContain('I will look.');
      for (const word of ['Let me see', 'sig-1', 'secret-2']) expect(body).not.toContain(word);
    }
  });

  test('counts what it reads from its cache and writes into it among the tokens that went in', async () => {
    const usage = {
      input_tokens: 5,
      cache_read_input_tokens: 1000,
      cache_creation_input_tokens: 200,
      output_tokens: 1,
    };
    stream(
      named('message_start', {
        message: { id: 'm', type: 'message', role: 'assistant', content: [], model: 'x', usage },
      }),
      begin(0, { type: 'text', text: '' }),
      wire.text('Hi'),
      stop(0),
      end('end_turn', { output_tokens: 42 }),
    );
    expect((await observe(provider())).reply?.usage).toEqual({ inputTokens: 1205, outputTokens: 42 });
  });

  test('may send events that nobody knew of when this was written', async () => {
    stream(
      MESSAGE_START,
      named('weather_report', { sun: true }),
      named('ping', {}),
      begin(0, { type: 'text', text: '' }),
      wire.text('Hi'),
      named('weather_report', {}),
      wire.end(),
    );
    const { reply } = await observe(provider());
    expect(reply).toMatchObject({ parts: [{ type: 'text', text: 'Hi' }], reason: 'stop' });
  });

  test('has answered when it says so, although its connection stays open', async () => {
    server.answer = (socket) => void socket.write(streamOf(wire.begin(), wire.text('Hi'), wire.end()).slice(0, -5));
    expect((await within(1_000, observe(provider()))).text).toBe('Hi');
  });

  test('says why it refuses, when it does', async () => {
    const explained = named('message_delta', {
      delta: { stop_reason: 'refusal', stop_details: { type: 'refusal', explanation: 'This would help nobody.' } },
      usage: { output_tokens: 3 },
    });
    stream(wire.begin(), stop(0), explained, named('message_stop', {}));
    const { error } = await observe(provider());
    expect(error.kind).toBe('REFUSED');
    expect(error.message).toBe('local refuses to answer (refusal): "This would help nobody".');
  });

  test('is told how far to think and how much to write, when the configuration says so', async () => {
    stream(wire.begin(), wire.text('Hi'), wire.end());
    await observe(provider({ reasoning: 'high' }), { model: 'claude-opus-5' });
    await observe(provider({ reasoning: 'low', maxOutputTokens: 9000 }), { model: 'claude-sonnet-4-5' });
    const bodies = server.requests.map((request) => JSON.parse(request.body) as Record<string, unknown>);
    expect(bodies[0]).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: 'high' } });
    expect(bodies[1]).toMatchObject({ thinking: { type: 'enabled' } });
    expect(Number(bodies[1]?.['max_tokens'])).toBeGreaterThanOrEqual(9000);
  });
});

describe('an Anthropic server that does not answer', () => {
  const body = (type: string, text: string): string =>
    JSON.stringify({ type: 'error', error: { type, message: text }, request_id: 'req_1' });

  test.each([
    [
      '401 Unauthorized',
      body('authentication_error', 'invalid x-api-key'),
      'REFUSED',
      'does not accept the API key',
      'set-key local',
    ],
    ['403 Forbidden', body('permission_error', 'no'), 'REFUSED', 'denies access', '/models'],
    ['404 Not Found', body('not_found_error', 'model: some-model'), 'REFUSED', 'has no model "some-model"', '/v1.'],
    ['413 Too Large', body('request_too_large', 'Request exceeds the maximum size'), 'REFUSED', 'too long', '/reset'],
    [
      '400 Bad Request',
      body('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      'REFUSED',
      'too long',
      '/reset',
    ],
    [
      '400 Bad Request',
      body('invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
      'REFUSED',
      'wants to be paid',
      'balance',
    ],
    ['500 Internal', body('api_error', 'Internal server error'), 'BROKEN_STREAM', 'failed (500)', 'try again'],
    ['529 Overloaded', body('overloaded_error', 'Overloaded'), 'UNREACHABLE', 'not available now (529)', 'busy'],
  ])('with %s %s is told apart', async (status, text, kind, words, hint) => {
    server.answer = (socket) => socket.end(plain(status, text));
    const { error } = await observe(provider(), { apiKey: 'a-key-that-is-wrong' });
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(words);
    expect(error.hint).toContain(hint);
  });

  test('because of a limit says which one lasts how long', async () => {
    const soon = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
    server.answer = (socket) =>
      socket.end(
        plain('429 Too Many Requests', body('rate_limit_error', 'Too many input tokens'), [
          'anthropic-ratelimit-requests-remaining: 10',
          `anthropic-ratelimit-requests-reset: ${soon(300)}`,
          'anthropic-ratelimit-input-tokens-remaining: 0',
          `anthropic-ratelimit-input-tokens-reset: ${soon(20)}`,
        ]),
      );
    const { error } = await observe(provider());
    expect(error.kind).toBe('RATE_LIMITED');
    expect(error.retryAfterMs).toBeGreaterThan(15_000);
    expect(error.retryAfterMs).toBeLessThan(21_000);
  });

  test('because it is overloaded is not waited for until its limits begin anew', async () => {
    const limits = [`anthropic-ratelimit-requests-reset: ${new Date(Date.now() + 60_000).toISOString()}`];
    server.answer = (socket) => socket.end(plain('529 Overloaded', body('overloaded_error', 'Overloaded'), limits));
    expect((await observe(provider())).error.retryAfterMs).toBeUndefined();
  });

  test.each([
    ['overloaded_error', 'UNREACHABLE', '(529): "Overloaded"'],
    ['rate_limit_error', 'RATE_LIMITED', '(429): "Overloaded"'],
    ['authentication_error', 'REFUSED', 'asks for an API key (401): "Overloaded"'],
    ['api_error', 'BROKEN_STREAM', 'broke off the reply: "Overloaded"'],
    ['something_new', 'BROKEN_STREAM', 'broke off the reply: "Overloaded"'],
  ])('although its status is good, by a first event %s', async (type, kind, words) => {
    stream(named('error', { error: { type, message: 'Overloaded' } }));
    const { error } = await observe(provider());
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(words);
  });
});
