import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { holdThread } from '../../support/busy-thread.ts';
import {
  chunk,
  delta,
  DONE,
  event,
  finish,
  LAST_CHUNK,
  observe,
  providerAt,
  ProviderServer,
  STREAM_HEAD,
  until,
  USAGE,
} from './support/provider-server.ts';
import { streamOf, WIRES } from './support/wires.ts';

let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

describe.each(WIRES)('a stream in the format of $type that is not a whole reply,', (wire) => {
  const provider = (changes: Parameters<typeof providerAt>[1] = {}) =>
    providerAt(server.baseUrl, { type: wire.type, ...changes });
  const beginning = wire.begin() + wire.text('Hi');
  /** Answers with a whole stream of these events. */
  const stream = (...events: string[]): void => {
    server.answer = (socket) => socket.end(streamOf(...events));
  };

  test.each([
    ['ends without a reason', [beginning], 'without finishing'],
    ['is empty', [], 'without finishing'],
    ['holds no JSON', [beginning, event('{"choices": [')], 'not a part of a reply'],
    ['begins with what is no JSON', [event('{"choices": [')], 'not a part of a reply'],
    [
      'holds JSON of another kind',
      [beginning, event({ type: 'message_delta', candidates: 5, choices: 5 })],
      'not a part of a reply',
    ],
    [
      'reports an error',
      [beginning, wire.error({ message: 'GPU on fire', code: 500, type: 'api_error', status: 'INTERNAL' })],
      'broke off the reply: "GPU on fire"',
    ],
    ['ends in the middle of a call', [wire.begin('call'), wire.callInput('{"a"').slice(0, -20)], ''],
  ] as [string, string[], string][])('because it %s is a broken stream', async (_, events, words) => {
    stream(...events);
    const { error } = await observe(provider());
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.retryable).toBe(true);
    expect(error.message).toContain(words);
    expect(error.hint).not.toBe('');
  });

  test.each([
    [{ message: 'slow down', code: 429, type: 'rate_limit_error', status: 'RESOURCE_EXHAUSTED' }, 'RATE_LIMITED'],
    [{ message: 'too busy', code: 503, type: 'overloaded_error', status: 'UNAVAILABLE' }, 'UNREACHABLE'],
    [{ message: 'bad', code: 400, type: 'invalid_request_error', status: 'INVALID_ARGUMENT' }, 'REFUSED'],
    [{ message: 'broken', code: 500, type: 'api_error', status: 'INTERNAL' }, 'BROKEN_STREAM'],
  ] as const)('because it begins with the error %j is that error', async (error, kind) => {
    stream(wire.error(error));
    const observed = await observe(provider());
    expect(observed.error.kind).toBe(kind);
    expect(observed.error.message).toContain(`"${error.message}"`);
  });

  test.each([
    [{ message: 'slow down', code: 429, type: 'rate_limit_error', status: 'RESOURCE_EXHAUSTED' }, 'RATE_LIMITED'],
    [{ message: 'too busy', code: 529, type: 'overloaded_error', status: 'UNAVAILABLE' }, 'BROKEN_STREAM'],
    [{ message: 'bad', code: 400, type: 'invalid_request_error', status: 'INVALID_ARGUMENT' }, 'REFUSED'],
  ] as const)('because it reports %j in the middle is %s, and what came before was shown', async (error, kind) => {
    stream(beginning, wire.error(error));
    const observed = await observe(provider());
    expect(observed.error.kind).toBe(kind);
    expect(observed.error.message).toContain(`"${error.message}"`);
    expect(observed.text).toBe('Hi');
  });

  test('because it reports an error and then breaks the connection is the error that it reports', async () => {
    for (const before of [beginning, '']) {
      server.answer = (socket) => {
        const error = wire.error({
          message: 'not allowed',
          code: 403,
          type: 'permission_error',
          status: 'PERMISSION_DENIED',
        });
        socket.write(STREAM_HEAD + chunk(before + error), () => setTimeout(() => socket.resetAndDestroy(), 1));
      };
      for (let times = 0; times < 10; times++) {
        const { error } = await observe(provider());
        expect(error.kind).toBe('REFUSED');
        expect(error.message).toContain('"not allowed"');
      }
    }
  });

  test('because it was cut at any byte keeps what came, and names the failure by where it was cut', async () => {
    const events = [wire.begin(), wire.text('Grüße, '), wire.text('dear '), wire.text('reader.'), wire.end()];
    const whole = Buffer.from(streamOf(...events));
    const bodyAt = whole.indexOf('\r\n\r\n') + 4;
    // The word that ends the reply is understood with the line break behind it.
    const endings = { 'openai-compatible': '"finish_reason"', anthropic: '"type":"message_stop"', google: '"STOP"' };
    const finishedAt = whole.indexOf('\n\n', whole.lastIndexOf(endings[wire.type])) + 2;
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
    server.answer = (socket) => void socket.write(STREAM_HEAD + chunk(beginning));
    const { error, text } = await observe(provider({ silenceTimeoutMs: 120 }));
    expect(error.kind).toBe('BROKEN_STREAM');
    expect(error.message).toContain('stopped sending for 0.1 seconds');
    expect(error.hint).toContain('silence_timeout_seconds');
    expect(text).toBe('Hi');
    await until(() => server.connections === 0, 'the connection is closed');
  });

  test.each([
    ['text', wire.begin(), wire.text('x'.repeat(65_536))],
    ['reasoning', wire.begin('thought'), wire.thought('x'.repeat(65_536))],
    ['tool input', wire.begin('call'), wire.callInput('x'.repeat(65_536))],
    ['one line without end', wire.begin(), 'x'.repeat(65_536)],
    ['nothing but empty lines', wire.begin(), '\n'.repeat(65_536)],
  ])('because it never stops sending %s is cut off, and is not asked for again', async (_, begin, piece) => {
    server.answer = (socket) => {
      socket.write(STREAM_HEAD + (begin === '' ? '' : chunk(begin)));
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

describe.each(WIRES)('a stream in the format of $type that is unusual but whole,', (wire) => {
  const provider = (changes: Parameters<typeof providerAt>[1] = {}) =>
    providerAt(server.baseUrl, { type: wire.type, ...changes });
  const whole = (text: string): string => wire.begin() + wire.text(text) + wire.end();

  test('would keep its connection, which is closed all the same: one that sleeps may be dead when it is needed', async () => {
    const body = whole('Hi');
    server.answer = (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: keep-alive\r\n\r\n${body}`);
    expect((await observe(provider())).text).toBe('Hi');
    expect(server.requests[0]?.head.toLowerCase()).toContain('connection: close');
    await until(() => server.connections === 0, 'the connection is closed', 200);
  });

  test('is over when it has said so, though its connection stays open', { timeout: 30_000 }, async () => {
    server.answer = (socket) => {
      socket.write(STREAM_HEAD + chunk(whole('Hi data: [DONE]\n and on')));
      // Signs of life from something in between.
      const timer = setInterval(() => socket.write(chunk(': still here\n\n')), 100);
      socket.on('close', () => clearInterval(timer));
    };
    const { reply } = await observe(provider({ silenceTimeoutMs: 60_000 }));
    expect(reply).toMatchObject({
      parts: [{ type: 'text', text: 'Hi data: [DONE]\n and on' }],
      usage: { inputTokens: 7, outputTokens: 3 },
    });
    await until(() => server.connections === 0, 'the connection is closed');
  });

  test('breaks behind its end, which is no fault', async () => {
    server.answer = async (socket) => {
      socket.write(STREAM_HEAD + chunk(whole('Hi').replace('data: [DONE]\n\n', '')));
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket.resetAndDestroy();
    };
    expect((await observe(provider())).reply?.parts).toEqual([{ type: 'text', text: 'Hi' }]);
  });

  test('comes slowly, with less than the silence timeout between its pieces', async () => {
    const body = streamOf(wire.begin(), wire.text('slow '), wire.text('drip'), wire.end());
    server.answer = async (socket) => {
      for (let at = 0; at < body.length; at += 40) {
        socket.write(body.slice(at, at + 40));
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
      socket.end(chunk(whole('done')) + LAST_CHUNK);
    };
    expect((await observe(provider({ silenceTimeoutMs: 150, firstByteTimeoutMs: 150 }))).text).toBe('done');
  });

  test('lies there unread while this process itself cannot run', async () => {
    const comment = chunk(': still here\n\n');
    server.answer = async (socket) => {
      for (const piece of [STREAM_HEAD + comment, comment, chunk(whole('done')) + LAST_CHUNK]) {
        socket.write(piece);
        // Nobody reads it meanwhile: the other end is in this thread.
        holdThread(250);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    expect((await observe(provider({ silenceTimeoutMs: 200, firstByteTimeoutMs: 200 }))).text).toBe('done');
  });

  test('calls itself plain text, uses Windows line ends and has no length', async () => {
    server.answer = (socket) =>
      socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${whole('odd').replaceAll('\n', '\r\n')}`);
    const { reply } = await observe(provider());
    expect(reply).toEqual({
      parts: [{ type: 'text', text: 'odd' }],
      usage: { inputTokens: 7, outputTokens: 3 },
      reason: 'stop',
    });
  });

  test('may end because the reply is long enough', async () => {
    server.answer = (socket) => socket.end(streamOf(wire.begin(), wire.text('Half a'), wire.end(wire.reasons.length)));
    expect((await observe(provider())).reply).toMatchObject({ parts: [{ text: 'Half a' }], reason: 'length' });
  });

  test('may be cut short by a filter, which leaves what was written and says so', async () => {
    server.answer = (socket) => socket.end(streamOf(wire.begin(), wire.text('I will'), wire.end(wire.reasons.filter)));
    expect((await observe(provider())).reply).toMatchObject({ parts: [{ text: 'I will' }], reason: 'content-filter' });
  });

  test('and of which a filter leaves nothing is a refusal', async () => {
    server.answer = (socket) => socket.end(streamOf(wire.begin(), wire.end(wire.reasons.filter)));
    const { error } = await observe(provider());
    expect(error.kind).toBe('REFUSED');
    expect(error.retryable).toBe(false);
    expect(error.message).toBe(`local refuses to answer (${wire.reasons.filter}).`);
    expect(error.hint).toContain('/fork');
  });

  test('has no content', async () => {
    server.answer = (socket) => socket.end(streamOf(wire.begin(), wire.end()));
    expect((await observe(provider())).reply).toMatchObject({ parts: [], reason: 'stop' });
  });
});

describe('a stream in the format of OpenAI whose connection stays open', () => {
  const open = (...pieces: string[]): void => {
    server.answer = async (socket) => {
      socket.write(STREAM_HEAD);
      for (const piece of pieces) {
        socket.write(chunk(piece));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
  };
  const model = () => providerAt(server.baseUrl, { silenceTimeoutMs: 60_000 });
  const USED = { inputTokens: 7, outputTokens: 3 };

  test('is over with the mark of its end, in however many pieces that comes, and without waiting', async () => {
    open(delta('Hi'), finish(), USAGE, ...DONE.split(/(?<=.)/));
    const begun = performance.now();
    expect((await observe(model())).reply?.usage).toEqual(USED);
    // Less than a server is given that does not send the mark.
    expect(performance.now() - begun).toBeLessThan(4_000);
  });

  test('is over a while after its reason, so that what was counted still comes', { timeout: 30_000 }, async () => {
    open(delta('Hi'), finish(), ': busy\n\n', USAGE);
    expect((await observe(model())).reply?.usage).toEqual(USED);
  });
});
