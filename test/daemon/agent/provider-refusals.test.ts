import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as net from 'node:net';
import { event, observe, plain, providerAt, ProviderServer } from './support/provider-server.ts';
import { streamOf, WIRES } from './support/wires.ts';

const KEY = 'sk-test-0123456789abcdefghijklmnop';
let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

describe.each(WIRES)('in the format of $type,', (wire) => {
  const provider = (changes: Parameters<typeof providerAt>[1] = {}) =>
    providerAt(server.baseUrl, { type: wire.type, ...changes });

  describe('a server that cannot be reached', () => {
    test('because nothing listens: the connection was refused', async () => {
      const { baseUrl } = server;
      await server.stop();
      const { error } = await observe(providerAt(baseUrl, { type: wire.type }));
      expect(error.kind).toBe('UNREACHABLE');
      expect(error.retryable).toBe(true);
      expect(error.message).toBe(`local (${baseUrl}) cannot be reached: the connection was refused (ECONNREFUSED).`);
      expect(error.hint).toContain('base_url of [providers.local]');
    });

    test('because its name does not exist', async () => {
      const { error } = await observe(providerAt('http://nowhere.invalid/v1', { type: wire.type }));
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
        const { error } = await observe(
          providerAt(`https://127.0.0.1:${silent.port}/v1`, { type: wire.type, connectTimeoutMs: 150 }),
        );
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
      [
        '400 Bad Request',
        '{"error":{"message":"model `x` does not exist"}}',
        'has no model "some-model"',
        '/models',
        '',
      ],
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

    test.each(['image/png', 'audio/mpeg', 'Video/MP4'])(
      '%s instead of a stream points at the address',
      async (type) => {
        server.answer = (socket) => socket.end(plain('200 OK', '\x89PNG\x00\x01', [`content-type: ${type}`]));
        const { error } = await observe(provider());
        expect(error.kind).toBe('REFUSED');
        expect(error.retryable).toBe(false);
        expect(error.message).toContain(`sent ${type} and not the stream of a reply`);
        expect(error.hint).toContain('/v1');
      },
    );

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
      const { error } = await observe(providerAt(`https://127.0.0.1:${port}/v1`, { type: wire.type }));
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
      server.answer = (socket) =>
        socket.end(
          streamOf(
            wire.begin(),
            wire.text('Hi'),
            wire.error({ type: 'x', status: 'X', code: null, message: `quota of ${KEY} is used up` }),
          ),
        );
      expect((await observe(provider(), { apiKey: KEY })).error.message).toContain('quota of [key removed] is used up');
      server.answer = (socket) => socket.end(streamOf(event(`{"candidates": "${KEY}"}`), event(`not json ${KEY}`)));
      expect((await observe(provider(), { apiKey: KEY })).error.message).not.toContain('sk-test');
      server.answer = (socket) => socket.end(plain('200 OK', '', [`content-type: text/html; key=${KEY}`]));
      expect((await observe(provider(), { apiKey: KEY })).error.message).not.toContain('sk-test');
    });
  });
});
