/** Makes new inputs of old ones: bytes, headers, lengths, JSON, messages, order and cuts are changed by chance. */
import { encodeFrame } from '../../../../protocol/frame.ts';
import type { Chance } from '../seeded.ts';
import type { Input } from './input.ts';
import { readAll } from './reference.ts';

const LONGEST = 400_000;

const VALUES: readonly [unknown, ...unknown[]] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  'x'.repeat(3_000),
  '\ud800',
  '__proto__',
  'constructor',
  'history/list',
  '$/cancelRequest',
  [],
  {},
  [[]],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
];
const TOKENS: readonly [string, ...string[]] = [
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  'Content-Length: 2\r\n\r\n{}',
  'Content-Length: ',
  'content-type: a\r\n',
  '{',
  '}',
  '[',
  '"',
  '\\u0000',
  ',',
  '1e999',
  '\u2028',
  'null',
  '\xff\xfe',
];
const MEMBERS: readonly [string, ...string[]] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error', '__proto__'];

type Way = (input: Input, other: Input, chance: Chance) => Partial<Input>;

const WAYS: readonly [Way, ...Way[]] = [
  (one, _, chance) => ({ bytes: flip(one.bytes, chance) }),
  (one, _, chance) => ({ bytes: splice(one.bytes, Buffer.from(chance.pick(TOKENS), 'latin1'), 0, chance) }),
  (one, _, chance) => ({ bytes: splice(one.bytes, Buffer.alloc(0), chance.between(1, 20), chance) }),
  (one, _, chance) => ({ bytes: one.bytes.subarray(0, chance.between(0, one.bytes.length)) }),
  (one, other) => ({ bytes: Buffer.concat([one.bytes, other.bytes]) }),
  (one, other) => ({ bytes: Buffer.concat([other.bytes, one.bytes]) }),
  (one, _, chance) => ({ bytes: Buffer.concat(Array.from({ length: chance.between(2, 5) }, () => one.bytes)) }),
  (one, _, chance) => ({ bytes: ofMessages(one, chance, changeMessage) }),
  (one, _, chance) => ({ bytes: ofMessages(one, chance, changeMessage) }),
  (one, other, chance) => ({ bytes: ofMessages(one, chance, (body) => [body, ...readAll(other.bytes).bodies]) }),
  (one, _, chance) => ({ bytes: ofMessages(one, chance, (body) => nested(body, chance.between(1, 3_000))) }),
  (one, _, chance) => ({ bytes: wrongLength(one.bytes, chance) }),
  (one, _, chance) => ({ cuts: cutsOf(one.bytes.length, chance) }),
  (one) => ({ cuts: Array.from({ length: Math.min(one.bytes.length, 400) }, (_, index) => index) }),
  ({ greeted }) => ({ greeted: !greeted }),
  (one, _, chance) => ({ leaves: chance.percent(50), stalls: !one.stalls }),
  (_, other) => ({ knobs: other.knobs }),
];

export function mutate(one: Input, other: Input, chance: Chance): Input {
  let made = one;
  const times = chance.between(1, 4);
  for (let time = 0; time < times; time += 1) {
    const changed = { ...made, ...chance.pick(WAYS)(made, other, chance) };
    if (changed.bytes.length <= LONGEST) made = { ...changed, name: `made of: ${one.name.replace('made of: ', '')}` };
  }
  return { ...made, crowd: 0 };
}

function flip(bytes: Buffer, chance: Chance): Buffer {
  const changed = Buffer.from(bytes);
  if (changed.length === 0) return changed;
  const at = chance.between(0, changed.length - 1);
  changed[at] = chance.percent(50) ? (changed[at] ?? 0) ^ (1 << chance.between(0, 7)) : chance.between(0, 255);
  return changed;
}

/** Takes some bytes out and puts others in their place. */
function splice(bytes: Buffer, inserted: Buffer, removed: number, chance: Chance): Buffer {
  const at = chance.between(0, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}

function ofMessages(one: Input, chance: Chance, change: (body: unknown, chance: Chance) => unknown): Buffer {
  const { bodies } = readAll(one.bytes);
  if (bodies.length === 0) return one.bytes;
  const chosen = chance.between(0, bodies.length - 1);
  const changed = bodies.map((body, index) => (index === chosen ? change(body, chance) : body));
  try {
    return Buffer.concat(changed.map((body) => encodeFrame(JSON.stringify(body) ?? 'null')));
  } catch {
    // Too deep to be written; it could be read.
    return one.bytes;
  }
}

function changeMessage(body: unknown, chance: Chance): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return chance.pick(VALUES);
  const name = chance.pick(MEMBERS);
  const params = (body as Record<string, unknown>)['params'];
  if (name === 'params' && chance.percent(60) && typeof params === 'object' && params !== null) {
    const names = Object.keys(params);
    const member = names[chance.between(0, Math.max(0, names.length - 1))] ?? 'more';
    return { ...body, params: { ...params, [member]: chance.pick(VALUES) } };
  }
  if (chance.percent(30)) return Object.fromEntries(Object.entries(body).filter(([key]) => key !== name));
  return Object.fromEntries([...Object.entries(body).filter(([key]) => key !== name), [name, chance.pick(VALUES)]]);
}

function nested(body: unknown, depth: number): unknown {
  let made: unknown = body;
  for (let level = 0; level < depth; level += 1) made = level % 2 === 0 ? [made] : { a: made };
  return { jsonrpc: '2.0', id: 1, method: 'history/list', params: { deep: made } };
}

function wrongLength(bytes: Buffer, chance: Chance): Buffer {
  const by = chance.pick([-2, -1, 1, 2, 1_000, 16_000_000]);
  const text = bytes
    .toString('latin1')
    .replace(/(Content-Length: )(\d{1,9})/, (_, name: string, digits: string) => `${name}${Number(digits) + by}`);
  return Buffer.from(text, 'latin1');
}

function cutsOf(length: number, chance: Chance): number[] {
  const cuts = Array.from({ length: chance.between(1, 6) }, () => chance.between(0, length));
  return [...new Set(cuts)].sort((left, right) => left - right);
}
