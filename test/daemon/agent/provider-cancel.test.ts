import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { within } from '../../support/own-time.ts';
import { chunk, observe, providerAt, ProviderServer, STREAM_HEAD, until } from './support/provider-server.ts';
import { WIRES } from './support/wires.ts';

let server: ProviderServer;

beforeEach(async () => {
  server = await ProviderServer.start();
});
afterEach(async () => {
  await server.stop();
});

describe.each(WIRES)('a step in the format of $type that is cancelled', (wire) => {
  const provider = () => providerAt(server.baseUrl, { type: wire.type });
  const beginning = STREAM_HEAD + chunk(wire.begin() + wire.text('Hi'));

  test.each([
    ['before any answer', ''],
    ['after the head', STREAM_HEAD],
    ['in the middle of the text', beginning],
    ['in the middle of a call', STREAM_HEAD + chunk(wire.begin('call') + wire.callInput('{"a"'))],
    ['in an error text', 'HTTP/1.1 400 Bad\r\ncontent-length: 9\r\n\r\n'],
  ])('%s ends within 100 ms with the reason of the cancellation, and closes its connection', async (_, sent) => {
    server.answer = (socket) => void socket.write(sent);
    const controller = new AbortController();
    const reason = new Error('the person pressed Ctrl+C');
    const step = observe(provider(), { signal: controller.signal }).then(
      () => 'it ended',
      (error: unknown) => error,
    );
    await until(() => server.requests.length === 1, 'the request has arrived');
    await new Promise((resolve) => setTimeout(resolve, 30));
    controller.abort(reason);
    expect(await within(100, step)).toBe(reason);
    await within(
      100,
      until(() => server.connections === 0, 'the connection is closed'),
    );
  });

  test('before it begins sends nothing', async () => {
    const reason = new Error('too late');
    await expect(observe(provider(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  test('while text is pouring in lets none of it through afterwards', async () => {
    server.answer = (socket) =>
      void socket.write(
        STREAM_HEAD + chunk(wire.begin() + wire.text('word ')) + chunk(wire.text('word ')).repeat(2000),
      );
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
