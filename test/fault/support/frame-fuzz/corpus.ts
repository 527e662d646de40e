/** Where the fuzzer begins: messages that are right, and one of each kind of wrong ones that is known. */
import { encodeFrame } from '../../../../protocol/frame.ts';
import { helloParams } from '../../../support/raw-client.ts';
import { input, USUAL, type Input } from './input.ts';

const ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

const frame = (body: string): Buffer => encodeFrame(body);
const rpc = (fields: object): Buffer => frame(JSON.stringify({ jsonrpc: '2.0', ...fields }));
const call = (method: string, params: unknown = {}, id: unknown = 1): Buffer => rpc({ id, method, params });
const all = (...frames: Buffer[]): Buffer => Buffer.concat(frames);
const cancel = (id: unknown): Buffer => rpc({ method: '$/cancelRequest', params: { id } });

/** Right or wrong, alone or together, before and after the handshake. */
const BYTES: Readonly<Record<string, string | Buffer>> = {
  'a request': call('history/list'),
  'two requests': all(call('history/list'), call('history/add', { line: 'x' }, 2)),
  'the same id twice': all(call('history/add', { line: 'x' }, 7), call('history/list', {}, '7')),
  'too many open requests': all(...Array.from({ length: 80 }, (_, id) => call('history/add', { line: 'x' }, id))),
  'a cancelled request': all(call('session/verify', { sessionId: ID }), cancel(1)),
  'a cancelled change': all(call('session/delete', { opId: ID, sessionId: ID, saves: 'keep' }), cancel(1)),
  'a request that is cancelled before it begins': all(cancel(1), call('session/verify', { sessionId: ID }), cancel(1)),
  'a cancellation of nothing': cancel(99),
  'a cancellation without params': rpc({ method: '$/cancelRequest' }),
  'a cancellation without an id': rpc({ method: '$/cancelRequest', params: null }),
  'an answer to nothing': rpc({ id: 12, result: {} }),
  'an error for nothing': rpc({ id: 12, error: { code: 1, message: 'x' } }),
  'an answer with a method of the prototype': rpc({ id: '__proto__', result: {} }),
  'a notification': rpc({ method: 'event', params: {} }),
  'a method that does not exist': call('no/such'),
  'a method of the prototype': call('__proto__'),
  'a very long method': call('x'.repeat(100_000)),
  'a defect': call('session/unwatch'),
  'a result that is not as promised': call('session/list'),
  'a result that is too long': call('model/list'),
  'frames from a service': all(call('session/watch'), call('history/list', {}, 2)),
  'a service that disconnects': call('config/get'),
  'desk methods': all(call('daemon/status'), call('daemon/shutdown', { mode: 'now', onlyIfIdle: true }, 2)),
  'desk methods with wrong params': all(
    call('daemon/shutdown', { mode: 5 }),
    call('daemon/shutdown', { deliberate: 5 }, 2),
    call('daemon/shutdown', [], 3),
    call('daemon/release', {}, 4),
    call('daemon/release', { build: { version: 'x', id: 'y', builtAt: 'z' } }, 5),
    call('daemon/release', { build: { version: 'x', id: 'y', builtAt: 1 } }, 6),
  ),
  'a desk method without params': rpc({ id: 1, method: 'daemon/shutdown' }),
  'a desk method as a notification': rpc({ method: 'daemon/status' }),
  'another handshake': call('initialize', helloParams()),
  'a handshake of another protocol': all(
    call('initialize', helloParams({ protocol: { min: 9, max: 9 } })),
    call('daemon/status', {}, 2),
    call('history/list', {}, 3),
  ),
  'a batch': frame(JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'history/list' }])),
  'an empty batch': frame('[]'),
  null: frame('null'),
  'no version': frame('{"id":1,"method":"history/list"}'),
  'a method that is a number': rpc({ id: 1, method: 5 }),
  'an id that is an object': rpc({ id: {}, method: 'history/list' }),
  'an id that is null': rpc({ id: null, method: 'history/list' }),
  'an id that is huge': frame('{"jsonrpc":"2.0","id":1e400,"method":"history/list"}'),
  'an id that is a fraction': call('history/list', {}, 0.1),
  'params that are a string': call('history/list', 'x'),
  'params that are an array': call('history/list', [1]),
  'neither a request nor an answer': rpc({ id: 1 }),
  'keys of the prototype': frame('{"jsonrpc":"2.0","id":1,"method":"history/list","params":{"__proto__":{"limit":1}}}'),
  'an unknown field': call('history/list', { limi: 5 }),
  'a number that is too big': call('history/list', { limit: 1e9 }),
  'a number that is too small': call('history/list', { limit: -1 }),
  'a fraction for a whole number': call('history/list', { limit: 0.5 }),
  'a text that is too long': call('history/add', { line: 'x'.repeat(100_001) }),
  'a text that is too short': call('session/rename', { opId: ID, sessionId: ID, title: '' }),
  'a list that is too long': call('turn/submit', {
    opId: ID,
    target: { kind: 'new', workspace: '/w' },
    prompt: Array.from({ length: 2_000 }, () => ({ type: 'text', text: 'x' })),
  }),
  'a list that is empty': call('turn/submit', { opId: ID, target: { kind: 'new', workspace: '/w' }, prompt: [] }),
  'none of the forms': call('turn/submit', {
    opId: ID,
    target: { kind: 'elsewhere' },
    prompt: [{ type: 'text', text: 'x' }],
  }),
  'none of the values': call('session/delete', { opId: ID, sessionId: ID, saves: 'some' }),
  'an id that is none': call('session/get', { sessionId: 'x' }),
  'a field that is missing': call('session/get'),
  'no JSON': frame('{"jsonrpc":'),
  'an empty body': frame(''),
  'bytes that are no UTF-8': Buffer.concat([Buffer.from('Content-Length: 3\r\n\r\n'), Buffer.from([255, 254, 253])]),
  'a deep body': frame('['.repeat(50_000) + ']'.repeat(50_000)),
  'deep params': frame(
    `{"jsonrpc":"2.0","id":1,"method":"history/list","params":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`,
  ),
  'a type and a length': 'Content-Type: x\r\nContent-Length: 2\r\n\r\n[]',
  'a type alone': 'Content-Type: x\r\n\r\n[]',
  'an unknown header': 'Content-Length: 2\r\nX: y\r\n\r\n[]',
  'two lengths': 'Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]',
  'a line without a colon': 'Content-Length 2\r\n\r\n[]',
  'a length with a sign': 'Content-Length: -2\r\n\r\n[]',
  'a length that is too long': 'Content-Length: 99999999\r\n\r\n[]',
  'a length of thirty digits': `Content-Length: ${'9'.repeat(30)}\r\n\r\n[]`,
  'line feeds alone': 'Content-Length: 2\n\n[]',
  'a header that never ends': `Content-Length: 2${' '.repeat(5_000)}`,
  'half a header': 'Content-Le',
  'half a body': 'Content-Length: 50\r\n\r\n{',
  'a body far longer than a handshake': `Content-Length: 16000000\r\n\r\n${' '.repeat(70_000)}`,
  junk: Buffer.from([0, 255, 1, 254, 13, 10, 13, 10, 7]),
  nothing: '',
};

/** Handshakes that are wrong in one field, each tried before the connection is greeted. */
const HELLOS: readonly unknown[] = [
  null,
  'x',
  {},
  { protocol: {} },
  { ...helloParams(), protocol: { min: 'x', max: 1 } },
  { ...helloParams(), timeZone: 5 },
  { ...helloParams(), timeZone: 'x'.repeat(5_000) },
  {
    ...helloParams(),
    client: { name: 'x', kind: 'of the future', build: { version: 'x', id: 'y', builtAt: 0 }, pid: 1 },
  },
  { ...helloParams(), client: { name: 'x', kind: 'chat', build: { version: 'x', id: 'y', builtAt: 'x' }, pid: 1 } },
  helloParams({
    key: { provider: 'keyfile', environment: { DISPLAY: ':0' }, create: true, allowKeyfile: true, interactive: false },
  }),
  helloParams({ key: { provider: 'under the mat' } }),
  helloParams({
    key: { environment: Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`V${index}`, 'x'])) },
  }),
  helloParams({ key: { environment: { V: 5 } } }),
  helloParams({ key: { create: 'yes' } }),
];

/** Each frame in a chunk of its own. */
function apart(name: string, frames: readonly Buffer[], more: Partial<Input> = {}): Input {
  const cuts = frames.map((_, index) => all(...frames.slice(0, index + 1)).length);
  return input(name, all(...frames), { cuts, ...more });
}

export function corpus(): Input[] {
  const seeds = Object.entries(BYTES).flatMap(([name, bytes]) => [
    input(name, bytes),
    input(`${name}, before the handshake`, bytes, { greeted: false }),
  ]);
  const hellos = HELLOS.map((params, index) =>
    input(`handshake ${index}`, all(call('initialize', params, 'h'), call('history/list')), { greeted: false }),
  );
  const list = call('history/list');
  const slow = call('session/verify', { sessionId: ID });
  const hello = call('initialize', helloParams(), 'h');
  return [
    ...seeds,
    ...hellos,
    input('while draining', all(list, call('session/get', { sessionId: ID }, 2)), {
      knobs: { ...USUAL, phase: 'draining' },
    }),
    input('when closed', list, { knobs: { ...USUAL, phase: 'closed' } }),
    apart('no frame behind a request', [list, Buffer.from('junk')]),
    apart('no JSON behind a request', [list, frame('{')]),
    apart('a running request is cancelled', [slow, cancel(1)]),
    apart('a careless handler is cancelled', [slow, cancel(1)], { knobs: { ...USUAL, phase: 'draining' } }),
    input('a handshake, a request and no JSON in one piece', all(hello, list, frame('{')), { greeted: false }),
    input('without a key', list, { knobs: { ...USUAL, hasKey: false } }),
    input('nothing can be loaded', list, { knobs: { ...USUAL, loads: false } }),
    input('a crowd', all(hello, list), { crowd: 12, greeted: false }),
    input('a large crowd', list, { crowd: 200, greeted: false }),
    input('a client that leaves', all(slow, call('session/delete', { opId: ID, sessionId: ID, saves: 'keep' }, 2)), {
      leaves: true,
    }),
    input('a client that leaves at once', list, { leaves: true, cuts: [5] }),
    input(
      'a client that does not read',
      all(...Array.from({ length: 12 }, (_, id) => call('history/list', { limit: 999 }, id))),
      { stalls: true },
    ),
    input('a frame in single bytes', list, { cuts: Array.from({ length: list.length }, (_, index) => index) }),
    input('a handshake in two pieces with a request', all(call('initialize', helloParams(), 'h'), list), {
      greeted: false,
      cuts: [100, 240],
    }),
  ];
}
