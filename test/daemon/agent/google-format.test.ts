import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { event, message, observe, plain, prompt, providerAt, ProviderServer } from './support/provider-server.ts';
import { streamOf, WIRES } from './support/wires.ts';

const wire = WIRES[2];
let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

const provider = (changes: Parameters<typeof providerAt>[1] = {}) =>
  providerAt(server.baseUrl, { type: 'google', ...changes });
const stream = (...events: string[]): void => {
  server.answer = (socket) => socket.end(streamOf(...events));
};
const parts = (...content: object[]): string => event({ candidates: [{ content: { role: 'model', parts: content } }] });
const bodyOf = (index: number): Record<string, unknown> =>
  JSON.parse(server.requests[index]?.body ?? '{}') as Record<string, unknown>;

describe('a server that speaks the Google format', () => {
  test('is asked in the way it documents', async () => {
    stream(wire.text('Hi'), wire.end());
    await observe(provider({ headers: { 'x-title': 'tests' } }), { apiKey: 'a-key', model: 'gemini-x' });
    const head = server.requests[0]?.head ?? '';
    expect(head).toMatch(/^POST \/v1\/models\/gemini-x:streamGenerateContent\?alt=sse HTTP/);
    expect(head.toLowerCase()).toContain('x-goog-api-key: a-key');
    expect(head.toLowerCase()).toContain('x-title: tests');
    expect(head.toLowerCase()).not.toContain('authorization');
    expect(bodyOf(0)).toEqual({ generationConfig: {}, contents: [{ role: 'user', parts: [{ text: 'hello' }] }] });
  });

  test('without a key is sent none, whatever the environment of the daemon holds', async () => {
    process.env['GOOGLE_GENERATIVE_AI_API_KEY'] = 'not-for-this-server';
    try {
      stream(wire.text('Hi'), wire.end());
      expect((await observe(provider())).text).toBe('Hi');
    } finally {
      delete process.env['GOOGLE_GENERATIVE_AI_API_KEY'];
    }
    expect(server.requests[0]?.head.toLowerCase()).not.toContain('x-goog-api-key');
  });

  test('keeps its thoughts apart, and its signatures with what it signed', async () => {
    stream(
      wire.thought('Let me '),
      wire.thought('see.'),
      parts({ text: 'I will look.' }),
      parts({ functionCall: { name: 'read', args: { path: 'a' } }, thoughtSignature: 'sig-1' }),
      parts({ functionCall: { name: 'list' } }),
      wire.end(),
    );
    const { reply, reasoning } = await observe(provider(), { model: 'gemini-3-pro' });
    expect(reasoning).toBe('Let me see.');
    expect(reply?.reason).toBe('tool-calls');
    const local = { server: server.baseUrl, model: 'gemini-3-pro' };
    expect(reply?.parts).toEqual([
      { type: 'reasoning', text: 'Let me see.', providerMetadata: { local } },
      { type: 'text', text: 'I will look.' },
      {
        type: 'tool-call',
        callId: expect.any(String),
        name: 'read',
        arguments: '{"path":"a"}',
        providerMetadata: { local: { ...local, kept: { google: { thoughtSignature: 'sig-1' } } } },
      },
      { type: 'tool-call', callId: expect.any(String), name: 'list', arguments: '{}' },
    ]);
    const [read, list] = (reply?.parts ?? []).flatMap((part) => (part.type === 'tool-call' ? [part.callId] : []));
    const messages = [
      prompt('hello'),
      message('assistant', [...(reply?.parts ?? [])]),
      message('tool', [{ type: 'tool-result', callId: list ?? '', name: 'list', output: '', isError: true }]),
      message('tool', [{ type: 'tool-result', callId: read ?? '', name: 'read', output: 'found', isError: false }]),
    ];
    await observe(provider(), { model: 'gemini-3-pro', messages });
    expect(bodyOf(1)['contents']).toEqual([
      { role: 'user', parts: [{ text: 'hello' }] },
      {
        role: 'model',
        parts: [
          { text: 'I will look.' },
          { functionCall: { id: read, name: 'read', args: { path: 'a' } }, thoughtSignature: 'sig-1' },
          { functionCall: { id: list, name: 'list', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            functionResponse: {
              id: list,
              name: 'list',
              response: { name: 'list', error: 'It failed without a word.' },
            },
          },
          { functionResponse: { id: read, name: 'read', response: { name: 'read', content: 'found' } } },
        ],
      },
    ]);
    // A signature of another model would be refused; the documented word for that takes its place.
    await observe(provider(), { model: 'gemini-3-flash', messages });
    expect(server.requests[2]?.body).not.toContain('sig-1');
    expect(server.requests[2]?.body).toContain('skip_thought_signature_validator');
  });

  test('gets a signature back that stood on its own behind the text', async () => {
    stream(parts({ text: 'An answer.' }), parts({ text: '', thoughtSignature: 'sig-2' }), wire.end());
    const { reply, text } = await observe(provider());
    expect(text).toBe('An answer.');
    await observe(provider(), {
      messages: [prompt('hello'), message('assistant', [...(reply?.parts ?? [])]), prompt('go on', 2)],
    });
    expect(bodyOf(1)['contents']).toMatchObject([
      {},
      { parts: [{ text: 'An answer.', thoughtSignature: 'sig-2' }] },
      {},
    ]);
  });

  test('counts thoughts among the tokens that came out and cached ones among those that went in', async () => {
    const usageMetadata = {
      promptTokenCount: 100,
      cachedContentTokenCount: 90,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 20,
    };
    stream(wire.text('Hi'), event({ candidates: [{ finishReason: 'STOP' }], usageMetadata }));
    expect((await observe(provider())).reply?.usage).toEqual({ inputTokens: 100, outputTokens: 25 });
  });

  test('may answer in two halves, of which the second is asked for', async () => {
    const pause = event({
      candidates: [{ finishReason: 'CONTINUATION', continuationToken: 'more' }],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 1 },
    });
    server.answer = (socket) => {
      const isFirst = server.requests.length === 1;
      socket.end(isFirst ? streamOf(wire.text('One '), pause) : streamOf(wire.text('two.'), wire.end()));
    };
    const { reply } = await observe(provider());
    expect(bodyOf(1)['continuationToken']).toBe('more');
    expect(reply).toMatchObject({ parts: [{ text: 'One two.' }], reason: 'stop' });
  });

  test('is asked for its thoughts only when the configuration says how far to think', async () => {
    stream(wire.text('Hi'), wire.end());
    await observe(provider({ reasoning: 'high', maxOutputTokens: 500 }), { model: 'gemini-3-pro' });
    await observe(provider({ reasoning: 'none' }), { model: 'gemini-2.5-flash' });
    expect(bodyOf(0)['generationConfig']).toEqual({
      maxOutputTokens: 500,
      thinkingConfig: { thinkingLevel: 'high', includeThoughts: true },
    });
    expect(bodyOf(1)['generationConfig']).toEqual({ thinkingConfig: { thinkingBudget: 0 } });
  });
});

describe('a Google server that does not answer', () => {
  const body = (code: number, status: string, text: string, details: object[] = []): string =>
    JSON.stringify({ error: { code, message: text, status, details } });
  const retryInfo = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.074824224s' };

  test.each([
    [
      '400 Bad Request',
      body(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [{ reason: 'API_KEY_INVALID' }]),
      'REFUSED',
      'does not accept the API key (400)',
      'set-key local',
    ],
    ['403 Forbidden', body(403, 'PERMISSION_DENIED', 'no'), 'REFUSED', 'denies access', 'set-key local'],
    [
      '404 Not Found',
      body(404, 'NOT_FOUND', 'models/some-model is not found for API version v1beta'),
      'REFUSED',
      'has no model "some-model"',
      'often ends in /v1beta.',
    ],
    [
      '400 Bad Request',
      body(
        400,
        'INVALID_ARGUMENT',
        'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
      ),
      'REFUSED',
      'too long',
      '/reset',
    ],
    [
      '503 Unavailable',
      body(503, 'UNAVAILABLE', 'The model is overloaded.'),
      'UNREACHABLE',
      'not available now',
      'busy',
    ],
    ['500 Internal', body(500, 'INTERNAL', 'An internal error'), 'BROKEN_STREAM', 'failed (500)', 'try again'],
  ])('with %s %s is told apart', async (status, text, kind, words, hint) => {
    server.answer = (socket) => socket.end(plain(status, text));
    const { error } = await observe(provider(), { apiKey: 'a-key-that-is-wrong' });
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(words);
    expect(error.hint).toContain(hint);
  });

  test('because of a limit is left alone for as long as it asks, in the body of its answer or in its stream', async () => {
    const text = body(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [retryInfo]);
    server.answer = (socket) => socket.end(plain('429 Too Many', text));
    const refused = (await observe(provider())).error;
    stream(wire.text('Hi'), `data: ${text}\n\n`);
    const broken = (await observe(provider())).error;
    for (const error of [refused, broken]) {
      expect(error.kind).toBe('RATE_LIMITED');
      expect(error.message).toContain('"You exceeded your current quota"');
      expect(error.retryAfterMs).toBe(34_075);
    }
  });

  test('because it blocks the prompt says which of its rules it is, and is not asked again', async () => {
    stream(event({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 7 } }));
    const { error } = await observe(provider());
    expect(error.kind).toBe('REFUSED');
    expect(error.retryable).toBe(false);
    expect(error.message).toBe('local refuses to answer (PROHIBITED_CONTENT).');
    expect(error.hint).toContain('other words');
  });

  test.each([
    ['RECITATION', 'REFUSED', 'refuses to answer (RECITATION)'],
    ['SAFETY', 'REFUSED', 'refuses to answer (SAFETY)'],
    ['OTHER', 'BROKEN_STREAM', 'ended the reply without an answer (OTHER)'],
    ['MALFORMED_FUNCTION_CALL', 'BROKEN_STREAM', 'broke off the reply (MALFORMED_FUNCTION_CALL)'],
  ])('but ends an empty candidate with %s is reported as %s, with its reason', async (finishReason, kind, words) => {
    stream(event({ candidates: [{ finishReason, finishMessage: 'It says why.' }] }));
    const { error } = await observe(provider());
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`${words}: "It says why".`);
  });

  test('because there are no candidates at all has ended its reply without finishing it', async () => {
    stream(event({ usageMetadata: { promptTokenCount: 7 } }));
    const { error } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.message).toContain('without finishing');
  });
});
