import { LLMock } from '@copilotkit/aimock';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ProviderConfiguration } from '../../../daemon/config/configuration.ts';
import { message, observe, prompt, providerAt } from './support/provider-server.ts';
import { WIRES } from './support/wires.ts';

const mock = new LLMock({ port: 0, chunkSize: 4 });

beforeAll(async () => {
  await mock.start();
});
afterAll(async () => {
  await mock.stop();
});
beforeEach(() => {
  mock.clearFixtures();
  mock.clearRequests();
});

const USAGE = {
  'openai-compatible': { prompt_tokens: 17, completion_tokens: 5 },
  anthropic: { input_tokens: 17, output_tokens: 5 },
  google: { promptTokenCount: 17, candidatesTokenCount: 5 },
};
const CONVERSATION = [
  prompt('first'),
  message('assistant', [
    { type: 'text', text: 'I look it up.' },
    { type: 'tool-call', callId: 'call-1', name: 'read', arguments: '{"a":1}' },
  ]),
  message('tool', [{ type: 'tool-result', callId: 'call-1', name: 'read', output: 'found', isError: false }]),
  message('assistant', [{ type: 'text', text: 'It is there.' }]),
  message(
    'user',
    [
      { type: 'text', text: 'hello' },
      { type: 'image', mediaType: 'image/png', data: 'aGk=' },
    ],
    2,
  ),
];

describe.each(WIRES)('a mock server in the format of $type', (wire) => {
  const provider = (changes: Partial<ProviderConfiguration> = {}) =>
    providerAt(`${mock.url}/${wire.type === 'google' ? 'v1beta' : 'v1'}`, { type: wire.type, ...changes });

  test('streams its text in the pieces that it sends', async () => {
    mock.onMessage('hello', { content: 'Hello, dear reader of tests.' });
    const pieces: string[] = [];
    const { reply, text } = await observe(provider(), { onText: (soFar) => pieces.push(soFar) });
    expect(text).toBe('Hello, dear reader of tests.');
    expect(pieces.length).toBeGreaterThan(4);
    expect(reply?.parts).toEqual([{ type: 'text', text: 'Hello, dear reader of tests.' }]);
    expect(reply?.reason).toBe('stop');
  });

  test('counts what went in and what came out', async () => {
    mock.onMessage('hello', { content: 'Hi.', usage: USAGE[wire.type] });
    expect((await observe(provider())).reply?.usage).toEqual({ inputTokens: 17, outputTokens: 5 });
  });

  test('has its reasoning kept apart from its text, with where it came from', async () => {
    mock.onMessage('hello', { content: 'Hi.', reasoning: 'A greeting needs a greeting.' });
    const { reply, reasoning, text } = await observe(provider());
    expect(reasoning).toBe('A greeting needs a greeting.');
    expect(text).toBe('Hi.');
    expect(reply?.parts).toMatchObject([
      {
        type: 'reasoning',
        text: 'A greeting needs a greeting.',
        providerMetadata: { local: { server: provider().baseUrl, model: 'some-model' } },
      },
      { type: 'text', text: 'Hi.' },
    ]);
  });

  test('may call tools, whose arguments are kept as they were written', async () => {
    mock.onMessage('hello', {
      content: 'I look.',
      toolCalls: [
        { id: 'call-1', name: 'read', arguments: '{"path":"a.txt"}' },
        { id: 'call-2', name: 'list', arguments: '{}' },
      ],
    });
    const { reply } = await observe(provider());
    expect(reply?.reason).toBe('tool-calls');
    expect(reply?.parts).toMatchObject([
      { type: 'text', text: 'I look.' },
      { type: 'tool-call', name: 'read', arguments: '{"path":"a.txt"}' },
      { type: 'tool-call', name: 'list', arguments: '{}' },
    ]);
  });

  test('reads the conversation so far, with images and tool results', async () => {
    mock.onMessage(/.*/, { content: 'ok' });
    expect((await observe(provider(), { messages: CONVERSATION })).reply?.parts).toEqual([
      { type: 'text', text: 'ok' },
    ]);
    // The mock keeps what it understood, in the form of OpenAI.
    const body = mock.getRequests().at(-1)?.body as { messages: { role: string }[] } | undefined;
    expect(body?.messages.map((one) => one.role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
    const understood = JSON.stringify(body);
    for (const words of ['first', 'I look it up.', 'read', '\\"a\\":1', 'found', 'It is there.', 'hello'])
      expect(understood).toContain(words);
  });

  test('goes on after its own call', async () => {
    mock.on({ userMessage: 'hello', hasToolResult: false }, { toolCalls: [{ name: 'read', arguments: '{}' }] });
    mock.on({ userMessage: 'hello', hasToolResult: true }, { content: 'It says so.' });
    const { reply } = await observe(provider());
    const call = reply?.parts.find((part) => part.type === 'tool-call');
    const answered = await observe(provider(), {
      messages: [
        prompt('hello'),
        message('assistant', [...(reply?.parts ?? [])]),
        message('tool', [
          { type: 'tool-result', callId: call?.callId ?? '', name: 'read', output: 'so', isError: false },
        ]),
      ],
    });
    expect(answered.text).toBe('It says so.');
  });

  test('gets the key and the configured headers', async () => {
    mock.onMessage('hello', { content: 'ok' });
    await observe(provider({ headers: { 'x-title': 'tests' } }), { apiKey: 'the-key-of-this-test' });
    const headers = mock.getRequests().at(-1)?.headers;
    expect(headers?.['x-title']).toBe('tests');
    expect(headers).toHaveProperty(wire.keyHeader('').split(':')[0] ?? '');
  });

  test('is asked once, whatever it answers', async () => {
    mock.onMessage('hello', { error: { message: 'no' }, status: 500 });
    await observe(provider());
    expect(mock.getRequests()).toHaveLength(1);
  });

  test.each([
    [401, 'REFUSED', 'mctl config set-key local'],
    [404, 'REFUSED', '/models'],
    [422, 'REFUSED', 'another model'],
    [429, 'RATE_LIMITED', 'limit'],
    [500, 'BROKEN_STREAM', 'try again'],
    [503, 'UNREACHABLE', 'down or busy'],
  ] as const)('that answers %d is reported as %s, with what it says and what to do', async (status, kind, hint) => {
    mock.onMessage('hello', { error: { message: 'the server says why' }, status, retryAfter: 3 });
    const { error } = await observe(provider(), { apiKey: 'a-key-that-is-wrong' });
    expect(error.kind).toBe(kind);
    expect(error.retryable).toBe(kind !== 'REFUSED');
    expect(error.message).toContain(`(${status}): "the server says why"`);
    expect(error.hint).toContain(hint);
    expect(error.retryAfterMs).toBe(status === 429 ? 3000 : undefined);
  });

  test('that breaks off after some pieces is reported as a broken stream', async () => {
    mock.on({ userMessage: 'hello' }, { content: 'A reply of some length.' }, { truncateAfterChunks: 5, latency: 20 });
    const { error, text } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect('A reply of some length.'.startsWith(text)).toBe(true);
    expect(text).not.toBe('');
  });
});

describe('what reaches a server in the OpenAI chat format', () => {
  test('is the conversation in its own shape', async () => {
    mock.onMessage(/.*/, { content: 'ok' });
    await observe(providerAt(`${mock.url}/v1`), { messages: CONVERSATION });
    const body = mock.getRequests().at(-1)?.body as unknown as Record<string, unknown>;
    expect(body).toMatchObject({ stream: true, stream_options: { include_usage: true }, model: 'some-model' });
    expect(body['messages']).toEqual([
      { role: 'user', content: 'first' },
      {
        role: 'assistant',
        content: 'I look it up.',
        tool_calls: [{ id: 'call-1', type: 'function', function: { name: 'read', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'call-1', content: 'found' },
      { role: 'assistant', content: 'It is there.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hello' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
        ],
      },
    ]);
  });
});
