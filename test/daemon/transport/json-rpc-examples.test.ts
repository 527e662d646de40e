/**
 * The examples of section 7 of the JSON-RPC 2.0 specification, with methods that exist here, against a real daemon. Where
 * the answer is another one on purpose, the example says which, and docs/PROTOCOL.md says so too.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { encodeFrame } from '../../../protocol/frame.ts';
import { RealHome } from '../../support/real-daemon.ts';
import { RawClient, type Message } from '../../support/raw-client.ts';

let home: RealHome;

beforeAll(async () => {
  home = new RealHome({});
  // Starts the daemon and creates the store.
  await (await home.client()).call('key/status', {});
});

afterAll(async () => {
  await home.remove();
});

type Expected =
  | { readonly id: unknown; readonly result: unknown }
  | { readonly id: unknown; readonly code: number; readonly kind: string; readonly says?: RegExp };

interface Example {
  readonly name: string;
  /** The body of the frame, to the letter. */
  readonly sent: string;
  /** In this order; everything that is answered. */
  readonly answers: readonly Expected[];
  /** Whether the next request is not served any more. */
  readonly closes?: boolean;
  /** What the specification answers, where we do not. */
  readonly differs?: string;
}

const refused = (code: number, kind: string, says: RegExp): Expected => ({ id: null, code, kind, says });
const NO_BATCH = refused(-32600, 'INVALID_REQUEST', /^batches are not supported$/);
const BROKEN = refused(-32700, 'PARSE', /^the body is not JSON$/);

const EXAMPLES: readonly Example[] = [
  {
    name: 'a call with positional parameters',
    sent: '{"jsonrpc": "2.0", "method": "history/list", "params": [10], "id": 1}',
    answers: [{ id: 1, code: -32602, kind: 'INVALID_PARAMS', says: /^params must be an object$/ }],
    differs: 'a result: parameters by position are part of the specification, here they are always by name',
  },
  {
    name: 'a call with positional parameters in another order',
    sent: '{"jsonrpc": "2.0", "method": "history/list", "params": [10, 23], "id": 2}',
    answers: [{ id: 2, code: -32602, kind: 'INVALID_PARAMS', says: /^params must be an object$/ }],
    differs: 'a result',
  },
  {
    name: 'a call with named parameters',
    sent: '{"jsonrpc": "2.0", "method": "history/list", "params": {"limit": 23}, "id": 3}',
    answers: [{ id: 3, result: { lines: [] } }],
  },
  {
    name: 'a call with named parameters, its members in another order',
    sent: '{"id": 4, "params": {"limit": 42}, "method": "history/list", "jsonrpc": "2.0"}',
    answers: [{ id: 4, result: { lines: [] } }],
  },
  {
    name: 'a notification with parameters, of a method that would change something',
    sent: '{"jsonrpc": "2.0", "method": "history/add", "params": {"line": "must not take effect"}}',
    answers: [],
  },
  { name: 'a notification without parameters', sent: '{"jsonrpc": "2.0", "method": "foobar"}', answers: [] },
  {
    name: 'a call of a method that does not exist',
    sent: '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    answers: [{ id: '1', code: -32601, kind: 'METHOD_NOT_FOUND', says: /foobar/ }],
  },
  {
    name: 'a call with invalid JSON',
    sent: '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    answers: [BROKEN],
    closes: true,
    differs: 'the same; nothing is said there about the connection, which is closed here',
  },
  {
    name: 'a call that is no request object',
    sent: '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    answers: [refused(-32600, 'INVALID_REQUEST', /^method must be a string$/)],
  },
  {
    name: 'a batch with invalid JSON',
    sent: '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]',
    answers: [BROKEN],
    closes: true,
    differs: 'the same; nothing is said there about the connection',
  },
  { name: 'an empty array', sent: '[]', answers: [NO_BATCH] },
  {
    name: 'an invalid batch that is not empty',
    sent: '[1]',
    answers: [NO_BATCH],
    differs: 'an array with one error',
  },
  { name: 'an invalid batch', sent: '[1,2,3]', answers: [NO_BATCH], differs: 'an array with three errors' },
  {
    name: 'a batch',
    sent: JSON.stringify([
      { jsonrpc: '2.0', method: 'history/list', params: {}, id: '1' },
      { jsonrpc: '2.0', method: 'history/add', params: { line: 'must not take effect' } },
      { jsonrpc: '2.0', method: 'history/add', params: { line: 'must not take effect' }, id: '2' },
      { foo: 'boo' },
      { jsonrpc: '2.0', method: 'foo.get', params: { name: 'myself' }, id: '5' },
      { jsonrpc: '2.0', method: 'history/list', id: '9' },
    ]),
    answers: [NO_BATCH],
    differs: 'an array with an answer for each request; here none takes effect',
  },
  {
    name: 'a batch of notifications',
    sent: JSON.stringify([
      { jsonrpc: '2.0', method: 'history/add', params: { line: 'must not take effect' } },
      { jsonrpc: '2.0', method: 'history/list', params: {} },
    ]),
    answers: [NO_BATCH],
    differs: 'nothing',
  },
];

/** Everything that is answered to these bytes: what comes before the answer to a request that is sent after them. */
async function answersTo(body: string): Promise<{ answers: Message[]; closes: boolean }> {
  const client = await RawClient.greeted(home.locations.endpoint.socketPath);
  onTestFinished(() => {
    client.close();
  });
  // The rest of the daemon is loaded with the first request for it.
  await client.request('history/list', {});
  const before = client.messages.length;
  const afterwards = { jsonrpc: '2.0', id: 'afterwards', method: 'history/list', params: {} };
  // In one write: a second one may find the connection closed, and what was answered is lost with the failure.
  client.sendBytes(Buffer.concat([encodeFrame(body), encodeFrame(JSON.stringify(afterwards))]));
  const closes = await Promise.race([
    client.closed.then(() => true),
    client.answerTo('afterwards').then(
      () => false,
      () => true,
    ),
  ]);
  return { answers: client.messages.slice(before).filter(({ id }) => id !== 'afterwards'), closes };
}

function expectAnswer(answer: Message | undefined, expected: Expected): void {
  if ('result' in expected) {
    expect(answer).toEqual({ jsonrpc: '2.0', ...expected });
    return;
  }
  const { id, code, kind, says } = expected;
  expect(answer).toMatchObject({ jsonrpc: '2.0', id, error: { code, data: { kind } } });
  expect(answer).not.toHaveProperty('result');
  if (says !== undefined) expect(answer?.error?.message).toMatch(says);
}

describe('as the specification has it', () => {
  for (const example of EXAMPLES.filter(({ differs }) => differs === undefined))
    test(example.name, () => holds(example));
});

describe('on purpose not as the specification has it', () => {
  for (const example of EXAMPLES.filter(({ differs }) => differs !== undefined)) {
    test(`${example.name} (there: ${example.differs})`, () => holds(example));
  }

  test('nothing of a batch, or of a notification, has taken effect', async () => {
    const { answers } = await answersTo('{"jsonrpc": "2.0", "method": "history/list", "params": {}, "id": 1}');
    expect(answers).toEqual([{ jsonrpc: '2.0', id: 1, result: { lines: [] } }]);
  });

  test('every difference is documented', () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'PROTOCOL.md'), 'utf8');
    for (const said of [
      'by name, never by position',
      'Batches are refused as a whole',
      'as a notification does',
      '-32700',
    ]) {
      expect(page).toContain(said);
    }
  });
});

async function holds({ sent, answers: expected, closes = false }: Example): Promise<void> {
  const found = await answersTo(sent);
  expect(found.answers).toHaveLength(expected.length);
  for (const [index, one] of expected.entries()) expectAnswer(found.answers[index], one);
  expect(found.closes).toBe(closes);
}
