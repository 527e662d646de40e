/** Bytes that are no protocol: answered with what is wrong, cut off, and unnoticed by everybody else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DaemonHome, waitFor, type RunningDaemon } from '../../support/daemon-process.ts';
import { RawClient, helloParams } from '../../support/raw-client.ts';
import { encodeFrame } from '../../../protocol/frame.ts';

const at = new DaemonHome();
let daemon: RunningDaemon;
let bystander: RawClient;

beforeAll(async () => {
  daemon = await at.serving({ timings: { helloMs: 1_000 } });
  bystander = await at.client();
});

afterAll(async () => {
  await at.remove();
});

const frame = (body: string): string => encodeFrame(body).toString('latin1');
const rpc = (fields: object): string => frame(JSON.stringify({ jsonrpc: '2.0', ...fields }));
const withByte = (byte: number): Buffer => {
  const marked = encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'daemon/status', params: { note: '#' } }));
  marked[marked.indexOf('#')] = byte;
  return marked;
};
const status = { method: 'daemon/status', params: {} };

/** No frame at all: the stream cannot be brought back into step. */
const NO_FRAMES: Record<string, string | Buffer> = {
  'binary junk': Buffer.from([0, 255, 1, 254, 13, 10, 13, 10, 7]),
  'text of another protocol': 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'a header without a length': 'Content-Type: application/json\r\n\r\n{}',
  'a length that is no number': 'Content-Length: NaN\r\n\r\n{}',
  'an empty length': 'Content-Length: \r\n\r\n{}',
  'a length with letters behind it': 'Content-Length: 48abc\r\n\r\n{}',
  'a negative length': 'Content-Length: -5\r\n\r\n{}',
  'a length with a sign': 'Content-Length: +2\r\n\r\n{}',
  'a hexadecimal length': 'Content-Length: 0x10\r\n\r\n{}',
  'a fractional length': 'Content-Length: 2.0\r\n\r\n{}',
  'a length of 10^15': 'Content-Length: 1000000000000000\r\n\r\n{}',
  'a length of 8 GB': 'Content-Length: 8589934592\r\n\r\n{}',
  'a length just over the limit': 'Content-Length: 16777217\r\n\r\n{}',
  'two lengths': 'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}',
  'an unknown header': 'Content-Length: 2\r\nX-Forwarded-For: me\r\n\r\n{}',
  'a header without a colon': 'Content-Length 2\r\n\r\n{}',
  'line feeds without returns': 'Content-Length: 2\n\n{}',
  'a header of 5000 bytes': `Content-Type: ${'x'.repeat(5_000)}`,
  'JSON without a header': '{"jsonrpc":"2.0","id":1,"method":"initialize"}\n',
  'a body that is no JSON': frame('{"jsonrpc":'),
  'a body that is cut by its length': `Content-Length: 10\r\n\r\n${JSON.stringify({ jsonrpc: '2.0', id: 1, ...status })}`,
  'an empty body': frame(''),
  'a body of bytes that are no UTF-8': Buffer.concat([
    Buffer.from('Content-Length: 3\r\n\r\n'),
    Buffer.from([255, 254, 253]),
  ]),
  'a message with a byte that is no UTF-8': withByte(255),
  'a body nested ten thousand deep': frame('['.repeat(10_000)),
};

/** JSON, but no message. */
const NO_MESSAGES: Record<string, string> = {
  'a batch': frame(JSON.stringify([{ jsonrpc: '2.0', id: 1, ...status }])),
  'an empty batch': frame('[]'),
  'arrays nested 100,000 deep': frame('['.repeat(100_000) + ']'.repeat(100_000)),
  null: frame('null'),
  'a number': frame('42'),
  'a string': frame('"initialize"'),
  'no version': frame(JSON.stringify({ id: 1, ...status })),
  'another version': frame(JSON.stringify({ jsonrpc: '1.0', id: 1, ...status })),
  'a numeric method': rpc({ id: 1, method: 1 }),
  'an id that is null': rpc({ id: null, ...status }),
  'an id that is an object': rpc({ id: {}, ...status }),
  'an id that is an array': rpc({ id: [1], ...status }),
  'an id that is a truth value': rpc({ id: true, ...status }),
  'params that are a string': rpc({ id: 1, method: 'daemon/status', params: 'all' }),
  'params that are null': rpc({ id: 1, method: 'daemon/status', params: null }),
  'neither a request nor an answer': rpc({ id: 1 }),
};

const PARSE_ERROR = { id: null, error: { code: -32700 } };

async function expectRefusal(client: RawClient, bytes: string | Buffer, code: number): Promise<void> {
  client.sendBytes(bytes);
  const answer = await client.next((message) => message.error !== undefined, 5_000);
  expect(answer).toMatchObject({ id: null, error: { code, data: { retryable: false } } });
}

async function expectBystanderUntouched(): Promise<void> {
  expect(bystander.isClosed).toBe(false);
  expect((await bystander.request('history/list', {}, 2_000)).result).toBeDefined();
  expect(daemon.ended()).toBeUndefined();
}

describe('before the handshake', () => {
  for (const [name, bytes] of Object.entries(NO_FRAMES)) {
    test(`${name} is answered with a parse error and the connection closes`, async () => {
      const client = await RawClient.connect(at.endpoint.socketPath);
      await expectRefusal(client, bytes, -32700);
      await client.closed;
      await expectBystanderUntouched();
    });
  }

  for (const [name, bytes] of Object.entries(NO_MESSAGES)) {
    test(`${name} is answered as an invalid request and the connection closes`, async () => {
      const client = await RawClient.connect(at.endpoint.socketPath);
      await expectRefusal(client, bytes, -32600);
      await client.closed;
      await expectBystanderUntouched();
    });
  }

  test('what came whole in the same piece as junk is answered before the connection closes', async () => {
    const client = await RawClient.connect(at.endpoint.socketPath);
    const hello = rpc({ id: 1, method: 'initialize', params: helloParams() });
    client.sendBytes(`${hello}${rpc({ id: 2, ...status })}junk`);
    await client.closed;
    expect(client.messages).toMatchObject([{ id: 1, result: { protocol: 1 } }, { id: 2, result: {} }, PARSE_ERROR]);
  });

  test('silence is ended at the deadline', async () => {
    const client = await RawClient.connect(at.endpoint.socketPath);
    const begun = performance.now();
    await client.closed;
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(client.messages).toMatchObject([{ error: { code: -32600, message: 'no `initialize` within 1000 ms' } }]);
  });

  test('a frame that never ends is ended at the deadline', async () => {
    const client = await RawClient.connect(at.endpoint.socketPath);
    client.sendBytes('Content-Length: 500\r\n\r\n{');
    await client.closed;
    await expectBystanderUntouched();
  });

  test('a body far longer than any handshake is not collected', async () => {
    const client = await RawClient.connect(at.endpoint.socketPath);
    client.sendBytes(`Content-Length: 16000000\r\n\r\n${' '.repeat(200_000)}`);
    const { error } = await client.next((message) => message.error !== undefined);
    expect(error).toMatchObject({ code: -32600, message: 'the first message must be `initialize`' });
    await client.closed;
  });

  test('a request for anything else is refused by name', async () => {
    const client = await RawClient.connect(at.endpoint.socketPath);
    for (const method of ['daemon/status', 'daemon/shutdown', 'daemon/release', 'session/list', 'nothing/such']) {
      expect((await client.request(method, {})).error?.data.kind).toBe('NOT_INITIALIZED');
    }
    expect((await client.request('initialize', helloParams())).result).toMatchObject({ protocol: 1 });
  });

  test('a handshake with a wrong field is refused with the name of the field', async () => {
    const client = await RawClient.connect(at.endpoint.socketPath);
    const { error } = await client.request('initialize', { ...helloParams(), timeZone: 5 });
    expect(error).toMatchObject({
      code: -32602,
      message: 'timeZone must be a string',
      data: { kind: 'INVALID_PARAMS' },
    });
    await client.closed;
  });
});

describe('after the handshake', () => {
  for (const [name, bytes] of Object.entries(NO_FRAMES)) {
    test(`${name} is answered with a parse error and the connection closes`, async () => {
      const client = await at.client();
      await expectRefusal(client, bytes, -32700);
      await client.closed;
      await expectBystanderUntouched();
    });
  }

  for (const [name, bytes] of Object.entries(NO_MESSAGES)) {
    test(`${name} is answered as an invalid request and the next request is served`, async () => {
      const client = await at.client();
      await expectRefusal(client, bytes, -32600);
      expect((await client.request('history/list', {}, 2_000)).result).toBeDefined();
      client.close();
    });
  }

  test('what came whole in the same piece as junk is answered before the connection closes', async () => {
    for (const isFirst of [true, false]) {
      const client = await at.client();
      if (!isFirst) await client.request('history/list', {});
      const slow = rpc({ id: 77, method: 'history/add', params: { line: 'wait 20' } });
      client.sendBytes(`${slow}${rpc({ id: 78, method: 'history/list', params: {} })}junk`);
      await client.closed;
      expect(client.messages.filter(({ id }) => id === 77 || id === 78)).toHaveLength(2);
      expect(client.messages.at(-1)).toMatchObject(PARSE_ERROR);
    }
  });

  test('the character that stands for what could not be read may itself be sent', async () => {
    const client = await at.client();
    client.send({ jsonrpc: '2.0', id: 5, method: 'history/add', params: { line: '\ufffd' } });
    expect((await client.answerTo(5)).result).toBeDefined();
    client.close();
  });

  test('a flood of junk stalls nobody', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => at.client()));
    const junk = Buffer.alloc(18 * 1024 * 1024, 'x');
    for (const client of clients) client.sendBytes(junk);
    let worst = 0;
    const all = Promise.all(clients.map((client) => client.closed));
    let over = false;
    void all.then(() => (over = true));
    while (!over) {
      const begun = performance.now();
      await bystander.request('history/list', {}, 5_000);
      worst = Math.max(worst, performance.now() - begun);
    }
    expect(worst).toBeLessThan(2_000);
    await expectBystanderUntouched();
  });

  test('two open requests with the ids 1 and "1" are not confused', async () => {
    const client = await at.client();
    await client.request('history/list', {});
    client.send({ jsonrpc: '2.0', id: 77, method: 'history/add', params: { line: 'wait 200' } });
    client.send({ jsonrpc: '2.0', id: '77', method: 'history/list', params: {} });
    expect((await client.next((message) => message.id === null)).error?.code).toBe(-32600);
    expect((await client.answerTo(77)).result).toEqual({});
    client.close();
  });

  test('more open requests than allowed are refused one by one, and the others served', async () => {
    const client = await at.client();
    await client.request('history/list', {});
    const ids = Array.from({ length: 80 }, () => client.start('history/add', { line: 'wait 300' }));
    const answers = await Promise.all(ids.map((id) => client.answerTo(id)));
    const refused = answers.filter((answer) => answer.error !== undefined);
    expect(refused.map((answer) => answer.error?.data.kind)).toEqual(Array.from({ length: 16 }, () => 'OVERLOADED'));
    client.close();
  });

  test('a connection that is cut in the middle of a frame concerns nobody', async () => {
    for (let round = 0; round < 20; round += 1) {
      const client = await at.client();
      client.sendBytes('Content-Length: 100\r\n\r\n{"jsonrpc"');
      client.close();
    }
    await expectBystanderUntouched();
    await waitFor(
      'the connections to be gone',
      async () => (await bystander.request('daemon/status', {})).result !== undefined && (await clients()) <= 2,
    );
  });
});

async function clients(): Promise<number> {
  const { result } = await bystander.request('daemon/status', {});
  return (result as { clients: number }).clients;
}
