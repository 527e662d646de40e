import * as net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Exchange } from '../../../daemon/agent/exchange.ts';
import {
  chunk,
  delta,
  DONE,
  event,
  finish,
  LAST_CHUNK,
  observe,
  plain,
  providerAt,
  ProviderServer,
  STREAM_HEAD,
  until,
  USAGE,
} from './support/provider-server.ts';

const KEY = 'sk-test-0123456789abcdefghijklmnop';
let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

function provider(changes: Parameters<typeof providerAt>[1] = {}) {
  return providerAt(server.baseUrl, changes);
}

/** Answers with a whole stream of these events. */
function stream(...events: string[]): void {
  server.answer = (socket) => {
    socket.end(STREAM_HEAD + events.map(chunk).join('') + LAST_CHUNK);
  };
}

describe('a server that cannot be reached', () => {
  test('because nothing listens: the connection was refused', async () => {
    const { baseUrl } = server;
    await server.stop();
    const { error } = await observe(providerAt(baseUrl));
    expect(error.kind).toBe('UNREACHABLE');
    expect(error.retryable).toBe(true);
    expect(error.message).toBe(`local (${baseUrl}) cannot be reached: the connection was refused (ECONNREFUSED).`);
    expect(error.hint).toContain('base_url of [providers.local]');
  });

  test('because its name does not exist', async () => {
    const { error } = await observe(providerAt('http://nowhere.invalid/v1'));
    expect(error.kind).toBe('UNREACHABLE');
    expect(error.message).toContain('cannot be looked up');
  });

  test('because nobody accepts connections: given up after the connect timeout', async () => {
    const tls = net.createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => tls.once('listening', resolve));
    const silent = tls.address() as net.AddressInfo;
    try {
      const began = Date.now();
      // TLS counts as connecting: this server takes the connection and never answers the greeting.
      const { error } = await observe(providerAt(`https://127.0.0.1:${silent.port}/v1`, { connectTimeoutMs: 150 }));
      expect(error.kind).toBe('UNREACHABLE');
      expect(error.message).toContain('no connection within 0.2 seconds');
      expect(Date.now() - began).toBeLessThan(2000);
    } finally {
      tls.close();
    }
  });

  test('because it closes every connection without an answer', async () => {
    server.answer = (socket) => socket.end();
    const { error } = await observe(provider());
    expect(error.kind).toBe('UNREACHABLE');
    expect(error.message).toContain('closed the connection without an answer');
  });

  test.each(['502 Bad Gateway', '503 Service Unavailable', '504 Gateway Timeout', '529 Overloaded', '522 Timed Out'])(
    'because what stands before it says %s',
    async (status) => {
      server.answer = (socket) =>
        socket.end(plain(status, '<html>sorry</html>', ['content-type: text/html', 'retry-after: 12']));
      const { error } = await observe(provider());
      expect(error.kind).toBe('UNREACHABLE');
      expect(error.retryAfterMs).toBe(12_000);
      expect(error.message).not.toContain('html');
    },
  );
});

describe('a server that refuses', () => {
  const answers: [string, string, string, string, string][] = [
    ['301 Moved', '', 'redirects to https://elsewhere.test/v1', 'base_url', 'location: https://elsewhere.test/v1'],
    ['400 Bad Request', '{"error":{"message":"temperature is odd"}}', '"temperature is odd"', 'message names', ''],
    ['400 Bad Request', '{"error":{"message":"model `x` does not exist"}}', 'has no model "some-model"', '/models', ''],
    ['400 Bad Request', '{"error":{"message":"This exceeds the context length"}}', 'too long', '/reset', ''],
    ['401 Unauthorized', '{"error":"bad key"}', 'does not accept the API key', 'mctl config set-key local', ''],
    ['402 Payment Required', '{"message":"no credit"}', 'wants to be paid', 'balance', ''],
    ['403 Forbidden', '{"detail":"not yours"}', 'denies access (403): "not yours"', 'set-key local', ''],
    ['404 Not Found', 'no such path', 'has no model "some-model" (404): "no such path"', '/v1', ''],
    ['405 Method Not Allowed', '', 'takes no requests', '/v1', ''],
    ['413 Too Large', '', 'too long', '/fork', ''],
    ['418 Teapot', '[{"error":{"message":"short and stout"}}]', '"short and stout"', '', ''],
    ['422 Unprocessable', '{"detail":[{"msg":"field required"}]}', '"field required"', '', ''],
    ['429 Too Many', '{"error":{"message":"pay","code":"insufficient_quota"}}', 'wants to be paid', 'balance', ''],
  ];

  test.each(answers)('with %s %s is told apart: %s', async (status, body, words, hint, header) => {
    server.answer = (socket) => socket.end(plain(status, body, [header || 'x-none: 1']));
    const { error } = await observe(provider(), { apiKey: KEY });
    expect(error.kind).toBe('REFUSED');
    expect(error.retryable).toBe(false);
    expect(error.message).toContain(words);
    expect(error.message).toContain(`(${status.slice(0, 3)})`);
    expect(error.hint).toContain(hint);
  });

  test('a missing key says that it asks for one, and which variable is configured', async () => {
    server.answer = (socket) => socket.end(plain('401 Unauthorized', ''));
    expect((await observe(provider())).error.message).toContain('asks for an API key (401)');
    const { error } = await observe(provider({ apiKeyEnv: 'MY_KEY' }), { apiKey: KEY });
    expect(error.hint).toBe(
      'Set MY_KEY in the shell that you start m from, or store the key: mctl config set-key local',
    );
  });

  test('a configured key that nobody has given is missed before anything is sent', async () => {
    for (const apiKey of [undefined, '']) {
      const { error } = await observe(provider({ apiKeyEnv: 'MY_KEY' }), apiKey === undefined ? {} : { apiKey });
      expect(error.kind).toBe('PROVIDER_KEY_MISSING');
      expect(error.hint).toContain('MY_KEY');
    }
    expect(server.requests).toHaveLength(0);
  });

  test('a key that cannot be sent is not shown', async () => {
    const { error } = await observe(provider(), { apiKey: 'line one\nline two of the key' });
    expect(error.kind).toBe('REFUSED');
    expect(error.hint).toContain('set-key local');
    expect(`${error.message} ${error.hint}`).not.toContain('line');
    expect(server.requests).toHaveLength(0);
  });

  test('a web page instead of a stream points at the address', async () => {
    server.answer = (socket) =>
      socket.end(plain('200 OK', '<html>welcome</html>', ['content-type: text/html; charset=utf-8']));
    const { error } = await observe(provider());
    expect(error.kind).toBe('REFUSED');
    expect(error.message).toContain('sent text/html; charset=utf-8 and not the stream');
    expect(error.hint).toContain('/v1');
  });

  test('something that is not HTTP points at the address', async () => {
    server.answer = (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n');
    const { error } = await observe(provider());
    expect(error.kind).toBe('REFUSED');
    expect(error.hint).toContain('base_url');
  });

  test('something without TLS behind https points at the address', async () => {
    // Not the request parser of the test server: what arrives is not a request.
    const clear = net.createServer((socket) =>
      socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await new Promise<void>((resolve) => clear.listen(0, '127.0.0.1', resolve));
    const { port } = clear.address() as net.AddressInfo;
    const { error } = await observe(providerAt(`https://127.0.0.1:${port}/v1`));
    clear.close();
    expect(error.kind).toBe('REFUSED');
    expect(error.hint).toContain('http:// or https://');
  });

  test('an error text that stops coming is not waited for longer than two seconds', async () => {
    server.answer = (socket) => socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 900\r\n\r\nhalf a sent');
    const began = Date.now();
    const { error } = await observe(provider({ firstByteTimeoutMs: 60_000, silenceTimeoutMs: 60_000 }));
    expect(Date.now() - began).toBeLessThan(4000);
    expect(error.kind).toBe('REFUSED');
    expect(error.message).toContain('"half a sent"');
  });

  test('an error text without end or of enormous length does not delay the answer without bound', async () => {
    server.answer = (socket) => {
      socket.write('HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\r\n');
      const pour = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', pour);
      pour();
    };
    const { error } = await observe(provider());
    expect(error.kind).toBe('REFUSED');
    expect(error.message.length).toBeLessThan(700);
  });
});

describe('a server that limits', () => {
  test.each([
    ['retry-after: 7', 7000],
    ['retry-after-ms: 1500', 1500],
    ['x-ratelimit-reset-requests: 2m30s', 150_000],
  ])('says so with %s', async (header, milliseconds) => {
    server.answer = (socket) => socket.end(plain('429 Too Many', '{"error":{"message":"slow down"}}', [header]));
    const { error } = await observe(provider());
    expect(error.kind).toBe('RATE_LIMITED');
    expect(error.retryable).toBe(true);
    expect(error.retryAfterMs).toBe(milliseconds);
  });

  test('may say nothing about how long', async () => {
    server.answer = (socket) => socket.end(plain('429 Too Many', ''));
    expect((await observe(provider())).error.retryAfterMs).toBeUndefined();
  });
});

describe('a key that the server sends back', () => {
  const echoes: [string, string][] = [
    ['whole', `{"error":{"message":"bad key ${KEY} here"}}`],
    ['in part', `{"error":{"message":"bad key ${KEY.slice(0, 14)}…"}}`],
    ['in base64', JSON.stringify({ error: { message: `basic ${Buffer.from(`u:${KEY}`).toString('base64')}` } })],
    ['split by control characters', JSON.stringify({ error: { message: KEY.split('').join('\u200b') } })],
    ['in capitals', `{"error":{"message":"bad key ${KEY.toUpperCase()}"}}`],
    ['as plain text', `Authorization: Bearer ${KEY}`],
  ];

  test.each(echoes)('%s is in no part of the error', async (_, body) => {
    for (const status of ['401 Unauthorized', '400 Bad Request', '429 Too Many', '500 Oops', '503 Busy']) {
      server.answer = (socket) => socket.end(plain(status, body, [`location: https://a.test/?k=${KEY}`]));
      const { error } = await observe(provider(), { apiKey: KEY });
      const shown = `${error.message} ${error.hint} ${JSON.stringify(error.toData())}`.toLowerCase();
      for (let at = 0; at + 8 <= KEY.length; at++) expect(shown).not.toContain(KEY.slice(at, at + 8).toLowerCase());
      expect(shown).not.toContain(Buffer.from(KEY).toString('base64').slice(4, 20).toLowerCase());
      expect(shown).toContain('[key removed]');
    }
  });

  test('in the address of a redirect is removed, too', async () => {
    server.answer = (socket) => socket.end(plain('302 Found', '', [`location: https://a.test/?k=${KEY}`]));
    const { error } = await observe(provider(), { apiKey: KEY });
    expect(error.message).toContain('redirects to https://a.test/?k=[key removed]');
  });

  test('inside a stream, or as its type, is removed, too', async () => {
    stream(delta('Hi'), event({ error: { message: `quota of ${KEY} is used up` } }));
    expect((await observe(provider(), { apiKey: KEY })).error.message).toContain('quota of [key removed] is used up');
    stream(event(`{"nonsense": "${KEY}"}`), event(`not json ${KEY}`));
    expect((await observe(provider(), { apiKey: KEY })).error.message).not.toContain('sk-test');
    server.answer = (socket) => socket.end(plain('200 OK', '', [`content-type: text/html; key=${KEY}`]));
    expect((await observe(provider(), { apiKey: KEY })).error.message).not.toContain('sk-test');
  });
});

describe('a stream that is not a whole reply', () => {
  const broken: [string, string[], string][] = [
    ['ends without a reason', [delta('Hi'), DONE], 'without finishing'],
    ['is empty', [], 'without finishing'],
    ['holds no JSON', [delta('Hi'), event('{"choices": [')], 'not a part of a reply'],
    ['holds JSON of another kind', [delta('Hi'), event({ hello: 'there' })], 'not a part of a reply'],
    [
      'reports an error',
      [delta('Hi'), event({ error: { message: 'GPU on fire', code: 500 } })],
      'broke off the reply: "GPU on fire"',
    ],
    ['reports an error as a text', [delta('Hi'), event({ error: 'GPU on fire' })], '"GPU on fire"'],
    ['finishes with an error', [delta('Hi'), finish('error'), DONE], 'broke off'],
    [
      'calls a tool without a name',
      [
        event({ choices: [{ delta: { tool_calls: [{ index: 0, id: 'a', function: { arguments: '{}' } }] } }] }),
        finish('tool_calls'),
      ],
      'without finishing',
    ],
  ];

  test.each(broken)('because it %s is a broken stream', async (_, events, words) => {
    stream(...events);
    const { error } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.retryable).toBe(true);
    expect(error.message).toContain(words);
    expect(error.hint).not.toBe('');
  });

  test.each([
    [{ message: 'slow down', code: 429 }, 'RATE_LIMITED'],
    [{ message: 'slow down', type: 'rate_limit_exceeded' }, 'RATE_LIMITED'],
    [{ message: 'too busy', type: 'overloaded_error' }, 'UNREACHABLE'],
    [{ message: 'too busy', code: '503' }, 'UNREACHABLE'],
    [{ message: 'bad', code: 400 }, 'REFUSED'],
  ] as const)('because it reports %j is that error', async (error, kind) => {
    stream(delta('Hi'), event({ error }));
    expect((await observe(provider())).error.kind).toBe(kind);
  });

  test('because it reports an error and then breaks the connection is the error that it reports', async () => {
    server.answer = (socket) => {
      const body = chunk(delta('Hi')) + chunk(event({ error: { message: 'not allowed', code: 403 } }));
      socket.write(STREAM_HEAD + body, () => setTimeout(() => socket.resetAndDestroy(), 1));
    };
    for (let times = 0; times < 10; times++) {
      const { error } = await observe(provider());
      expect(error.kind).toBe('REFUSED');
      expect(error.message).toContain('"not allowed"');
    }
  });

  test('because it was cut at any byte keeps what came, and names the failure by where it was cut', async () => {
    const events = [delta('Grüße, '), delta('dear '), delta('reader.'), finish(), USAGE, DONE];
    const whole = Buffer.from(STREAM_HEAD + events.map(chunk).join('') + LAST_CHUNK);
    const bodyAt = whole.indexOf('\r\n\r\n') + 4;
    // A chunk is read when its text has come; its line break may be missing.
    const finishedAt = Buffer.byteLength(STREAM_HEAD + events.slice(0, 4).map(chunk).join('')) - 2;
    for (let cut = 0; cut < whole.length; cut += 1) {
      server.answer = (socket) => {
        // An answer in two writes is in the kernel before the connection is reset.
        if (cut % 5 === 4) socket.write(whole.subarray(0, cut), () => setTimeout(() => socket.resetAndDestroy(), 3));
        else socket.end(whole.subarray(0, cut));
      };
      const { error, reply, text } = await observe(provider());
      expect('Grüße, dear reader.'.startsWith(text), `text at ${cut}`).toBe(true);
      if (cut < bodyAt) {
        expect(error.kind, `cut at ${cut}`).toBe('UNREACHABLE');
      } else if (cut < finishedAt) {
        expect(error.kind, `cut at ${cut}`).toBe('BROKEN_STREAM');
        expect(error.message).toContain('broke in the middle');
      } else {
        expect(reply?.parts, `cut at ${cut}`).toEqual([{ type: 'text', text: 'Grüße, dear reader.' }]);
      }
    }
  });

  test('because nothing came at all is given up after the first-byte timeout', async () => {
    server.answer = () => undefined;
    const { error } = await observe(provider({ firstByteTimeoutMs: 120 }));
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.message).toBe('local took the request and sent nothing for 0.1 seconds.');
    expect(error.hint).toContain('first_byte_timeout_seconds in [providers.local]');
  });

  test('because only its head came is given up after the first-byte timeout', async () => {
    server.answer = (socket) => void socket.write(STREAM_HEAD);
    expect((await observe(provider({ firstByteTimeoutMs: 120 }))).error.message).toContain('sent nothing');
  });

  test('because it went silent in the middle is given up after the silence timeout', async () => {
    server.answer = (socket) => void socket.write(STREAM_HEAD + chunk(delta('Hi')));
    const { error, text } = await observe(provider({ silenceTimeoutMs: 120 }));
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.message).toContain('stopped sending for 0.1 seconds');
    expect(error.hint).toContain('silence_timeout_seconds');
    expect(text).toBe('Hi');
    await until(() => server.connections === 0, 'the connection is closed');
  });

  test('because it only shows signs of life ends at the limit for the whole reply', async () => {
    server.answer = (socket) => {
      socket.write(STREAM_HEAD);
      const timer = setInterval(() => socket.write(chunk(': still here\n\n')), 10);
      socket.on('close', () => clearInterval(timer));
    };
    const { connectTimeoutMs, firstByteTimeoutMs, silenceTimeoutMs } = provider();
    const limits = { connectTimeoutMs, firstByteTimeoutMs, silenceTimeoutMs, totalTimeoutMs: 200 };
    const exchange = new Exchange(limits, new AbortController().signal);
    const answer = await exchange.fetch(`${server.baseUrl}/chat/completions`, { method: 'POST', body: '{}' });
    await answer.text();
    expect(exchange.fault).toEqual({ kind: 'total-timeout', afterMs: 200 });
    await until(() => server.connections === 0, 'the connection is closed');
  });

  test('because it was cut before anybody read it harms nobody', async () => {
    server.answer = (socket) => socket.write(STREAM_HEAD, () => setTimeout(() => socket.resetAndDestroy(), 20));
    const { connectTimeoutMs, firstByteTimeoutMs, silenceTimeoutMs } = provider();
    const limits = { connectTimeoutMs, firstByteTimeoutMs, silenceTimeoutMs, totalTimeoutMs: 5000 };
    const exchange = new Exchange(limits, new AbortController().signal);
    const answer = await exchange.fetch(server.baseUrl);
    await until(() => server.connections === 0, 'the connection is reset');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await answer.text()).toBe('');
    expect(exchange.fault?.kind).toBe('cut');
  });

  test.each([
    ['text', delta('x'.repeat(65_536))],
    ['reasoning', event({ choices: [{ delta: { reasoning_content: 'x'.repeat(65_536) } }] })],
    [
      'tool input',
      event({
        choices: [
          { delta: { tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: 'x'.repeat(65_536) } }] } },
        ],
      }),
    ],
    ['one line without end', 'x'.repeat(65_536)],
    ['nothing but empty lines', '\n'.repeat(65_536)],
  ])('because it never stops sending %s is cut off, and is not asked for again', async (_, piece) => {
    server.answer = (socket) => {
      socket.write(STREAM_HEAD);
      const pour = (): void => {
        while (!socket.destroyed && socket.write(chunk(piece)));
      };
      socket.on('drain', pour);
      pour();
    };
    const { error, text } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.retryable).toBe(false);
    expect(error.message).toContain('larger than 4 MB');
    expect(text.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    await until(() => server.connections === 0, 'the connection is closed');
  });
});

describe('a stream that is unusual but whole', () => {
  test('has 20 MB around 2 MB of text', async () => {
    const piece = event({ id: 'x', choices: [{ delta: { content: 'x'.repeat(2000) } }], padding: 'y'.repeat(20_000) });
    stream(...Array<string>(1000).fill(piece), finish());
    expect((await observe(provider())).text.length).toBe(2_000_000);
  });

  test('would keep its connection, which is closed all the same: one that sleeps may be dead when it is needed', async () => {
    const body = delta('Hi') + finish();
    server.answer = (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: keep-alive\r\n\r\n${body}`);
    expect((await observe(provider())).text).toBe('Hi');
    expect(server.requests[0]?.head.toLowerCase()).toContain('connection: close');
    await until(() => server.connections === 0, 'the connection is closed', 200);
  });

  test('comes slowly, with less than the silence timeout between its pieces', async () => {
    const whole = STREAM_HEAD + [delta('slow '), delta('drip'), finish(), DONE].map(chunk).join('') + LAST_CHUNK;
    server.answer = async (socket) => {
      for (let at = 0; at < whole.length; at += 20) {
        socket.write(whole.slice(at, at + 20));
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
      socket.end();
    };
    const { reply } = await observe(provider({ silenceTimeoutMs: 200 }));
    expect(reply?.parts).toEqual([{ type: 'text', text: 'slow drip' }]);
  });

  test('sends comments as signs of life while it thinks', async () => {
    server.answer = async (socket) => {
      socket.write(STREAM_HEAD);
      for (let count = 0; count < 10; count++) {
        socket.write(chunk(': still here\n\n'));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      socket.end(chunk(delta('done')) + chunk(finish()) + LAST_CHUNK);
    };
    expect((await observe(provider({ silenceTimeoutMs: 150, firstByteTimeoutMs: 150 }))).text).toBe('done');
  });

  test('has no length, no chunks and no usage', async () => {
    server.answer = (socket) =>
      socket.end(`HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${delta('old')}${finish()}`);
    const { reply } = await observe(provider());
    expect(reply).toEqual({
      parts: [{ type: 'text', text: 'old' }],
      usage: { inputTokens: 0, outputTokens: 0 },
      reason: 'stop',
    });
  });

  test('calls itself plain text and uses Windows line ends', async () => {
    server.answer = (socket) =>
      socket.end(
        `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${(delta('odd') + finish('eos') + USAGE).replaceAll('\n', '\r\n')}`,
      );
    const { reply } = await observe(provider());
    expect(reply).toEqual({
      parts: [{ type: 'text', text: 'odd' }],
      usage: { inputTokens: 7, outputTokens: 3 },
      reason: 'eos',
    });
  });

  test('counts tokens in numbers that are none', async () => {
    stream(delta('Hi'), finish(), event({ choices: [], usage: { prompt_tokens: -4, completion_tokens: 2.6 } }));
    expect((await observe(provider())).reply?.usage).toEqual({ inputTokens: 0, outputTokens: 3 });
  });

  test('has no content', async () => {
    stream(finish(), DONE);
    expect((await observe(provider())).reply).toMatchObject({ parts: [], reason: 'stop' });
  });
});

describe('a step that is cancelled', () => {
  const moments: [string, () => void][] = [
    ['before any answer', () => (server.answer = () => undefined)],
    ['after the head', () => (server.answer = (socket) => void socket.write(STREAM_HEAD))],
    [
      'in the middle of the text',
      () => (server.answer = (socket) => void socket.write(STREAM_HEAD + chunk(delta('Hi')))),
    ],
    [
      'in an error text',
      () => (server.answer = (socket) => void socket.write('HTTP/1.1 400 Bad\r\ncontent-length: 9\r\n\r\n')),
    ],
  ];

  test.each(moments)(
    '%s ends within 100 ms with the reason of the cancellation, and closes its connection',
    async (_, prepare) => {
      prepare();
      const controller = new AbortController();
      const reason = new Error('the person pressed Ctrl+C');
      const step = observe(provider(), { signal: controller.signal }).then(
        () => 'it ended',
        (error: unknown) => error,
      );
      await until(() => server.requests.length === 1, 'the request has arrived');
      await new Promise((resolve) => setTimeout(resolve, 30));
      const began = performance.now();
      controller.abort(reason);
      expect(await step).toBe(reason);
      expect(performance.now() - began).toBeLessThan(100);
      await until(() => server.connections === 0, 'the connection is closed', 100);
    },
  );

  test('before it begins sends nothing', async () => {
    const reason = new Error('too late');
    await expect(observe(provider(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  test('while text is pouring in lets none of it through afterwards', async () => {
    server.answer = (socket) => void socket.write(STREAM_HEAD + chunk(delta('word ')).repeat(2000));
    const controller = new AbortController();
    let after = 0;
    const step = observe(provider(), {
      signal: controller.signal,
      onText: () => {
        if (controller.signal.aborted) after++;
        controller.abort(new Error('enough'));
      },
    });
    await expect(step).rejects.toThrow('enough');
    expect(after).toBe(0);
  });
});
