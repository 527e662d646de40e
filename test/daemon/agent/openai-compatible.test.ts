import { LLMock } from '@copilotkit/aimock';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { message, observe, prompt, providerAt } from './support/provider-server.ts';

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

const provider = () => providerAt(`${mock.url}/v1`);

/** The body of the last request as the server read it. */
function lastBody(): Record<string, unknown> {
  return mock.getRequests().at(-1)?.body as unknown as Record<string, unknown>;
}

describe('a server that speaks the OpenAI chat format', () => {
  test('streams its text in the pieces that it sends', async () => {
    mock.onMessage('hello', { content: 'Hello, dear reader of tests.' });
    const pieces: string[] = [];
    const { reply, text } = await observe(provider(), { onText: (soFar) => pieces.push(soFar) });
    expect(text).toBe('Hello, dear reader of tests.');
    expect(pieces.length).toBeGreaterThan(4);
    expect(reply?.parts).toEqual([{ type: 'text', text: 'Hello, dear reader of tests.' }]);
    expect(reply?.reason).toBe('stop');
  });

  test('is asked for its usage, and the usage is that of its answer', async () => {
    mock.onMessage('hello', { content: 'Hi.', usage: { prompt_tokens: 17, completion_tokens: 5 } });
    const { reply } = await observe(provider());
    expect(reply?.usage).toEqual({ inputTokens: 17, outputTokens: 5 });
    expect(lastBody()).toMatchObject({ stream: true, stream_options: { include_usage: true }, model: 'some-model' });
  });

  test('has its reasoning kept apart from its text', async () => {
    mock.onMessage('hello', { content: 'Hi.', reasoning: 'A greeting needs a greeting.' });
    const { reply, reasoning, text } = await observe(provider());
    expect(reasoning).toBe('A greeting needs a greeting.');
    expect(text).toBe('Hi.');
    expect(reply?.parts).toEqual([
      { type: 'reasoning', text: 'A greeting needs a greeting.' },
      { type: 'text', text: 'Hi.' },
    ]);
  });

  test('may end because the reply is long enough', async () => {
    mock.onMessage('hello', { content: 'Half a sent', finishReason: 'length' });
    expect((await observe(provider())).reply?.reason).toBe('length');
  });

  test('may call a tool, whose arguments are kept as they were written', async () => {
    mock.onMessage('hello', { toolCalls: [{ id: 'call-1', name: 'read', arguments: '{"path": "a.txt"}' }] });
    const { reply } = await observe(provider());
    expect(reply?.reason).toBe('tool-calls');
    expect(reply?.parts).toEqual([
      { type: 'tool-call', callId: 'call-1', name: 'read', arguments: '{"path": "a.txt"}' },
    ]);
  });

  test('gets the conversation so far, with images and tool results', async () => {
    mock.onMessage(/.*/, { content: 'ok' });
    await observe(provider(), {
      messages: [
        prompt('first'),
        message('assistant', [
          { type: 'reasoning', text: 'look it up' },
          { type: 'tool-call', callId: 'c', name: 'read', arguments: '{"a":1}' },
        ]),
        message('tool', [{ type: 'tool-result', callId: 'c', name: 'read', output: 'found', isError: false }]),
        message('assistant', [{ type: 'text', text: 'It is there.' }]),
        message(
          'user',
          [
            { type: 'text', text: 'hello' },
            { type: 'image', mediaType: 'image/png', data: 'aGk=' },
          ],
          2,
        ),
      ],
    });
    expect(lastBody()['messages']).toEqual([
      { role: 'user', content: 'first' },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'look it up',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'read', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'found' },
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

  test('gets the key and the configured headers', async () => {
    mock.onMessage('hello', { content: 'ok' });
    await observe({ ...provider(), headers: { 'x-title': 'tests' } }, { apiKey: 'the-key-of-this-test' });
    const headers = mock.getRequests().at(-1)?.headers;
    expect(headers?.['x-title']).toBe('tests');
    expect(JSON.stringify(headers)).not.toContain('x-api-key');
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
    mock.on({ userMessage: 'hello' }, { content: 'A reply of some length.' }, { truncateAfterChunks: 3, latency: 20 });
    const { error, text } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect('A reply of some length.'.startsWith(text)).toBe(true);
    expect(text).not.toBe('');
  });
});
