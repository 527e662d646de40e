/** The hand-written check of the handshake agrees with the schema in the protocol. */
import { safeParse } from 'zod/mini';
import { describe, expect, test } from 'vitest';
import { readInitializeParams, readReleaseParams, readShutdownParams } from '../../../daemon/transport/hello-params.ts';
import { DaemonReleaseParams, DaemonShutdownParams, InitializeParams } from '../../../protocol/admin.ts';

const GOOD = {
  protocol: { min: 1, max: 3 },
  client: { name: 'm', kind: 'chat', build: { version: '1.2.3', id: 'abc', builtAt: 5 }, pid: 7 },
  timeZone: 'Asia/Tokyo',
  key: { provider: 'keyfile', allowKeyfile: true, interactive: false, environment: { XDG_RUNTIME_DIR: '/run/user/1' } },
};

const JUNK: unknown[] = [
  undefined,
  null,
  true,
  0,
  1.5,
  -1,
  '',
  'x',
  'x'.repeat(101),
  [],
  {},
  [1],
  { a: 1 },
  NaN,
  2 ** 60,
];

/** Every way to replace one value, at any depth, by junk. */
function* variants(value: unknown): Generator<unknown> {
  yield* JUNK;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    for (const variant of variants(inner)) yield { ...value, [name]: variant };
  }
}

function accepts(read: (params: unknown) => unknown, params: unknown): boolean {
  try {
    read(params);
    return true;
  } catch {
    return false;
  }
}

describe('initialize', () => {
  test('keeps every field that the schema knows and drops the others', () => {
    expect(readInitializeParams({ ...GOOD, later: 1, client: { ...GOOD.client, later: 2 } })).toEqual(GOOD);
    const { key: _key, ...without } = GOOD;
    expect(readInitializeParams(without)).toEqual(without);
  });

  test('agrees with the schema about junk in any place', () => {
    let tried = 0;
    for (const params of variants(GOOD)) {
      tried += 1;
      const bySchema = safeParse(InitializeParams, params).success;
      const byHand = accepts(readInitializeParams, params);
      // A kind of a later version is no reason to turn a client away.
      const strangeKind = byHand && readInitializeParams(params).client.kind === 'other';
      if (byHand !== bySchema && !strangeKind) expect({ params, byHand }).toEqual({ params, byHand: bySchema });
    }
    expect(tried).toBeGreaterThan(150);
  });

  test('names the field that is wrong', () => {
    const wrong = (params: unknown): void => void readInitializeParams(params);
    expect(() => wrong({ ...GOOD, protocol: { min: '1', max: 3 } })).toThrow('protocol.min must be a whole number');
    expect(() => wrong({ ...GOOD, client: { ...GOOD.client, build: {} } })).toThrow(
      'client.build.builtAt must be a number',
    );
    expect(() => wrong({ ...GOOD, key: { provider: 'paper' } })).toThrow(
      'key.provider must be one of keychain, keyfile',
    );
    expect(() => wrong({ ...GOOD, key: { environment: { A: 1 } } })).toThrow('key.environment must be a string');
    expect(() => wrong([])).toThrow('params must be an object');
  });

  test('bounds the environment that a client may lend', () => {
    const environment = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`V${index}`, '']));
    expect(() => readInitializeParams({ ...GOOD, key: { environment } })).toThrow('at most 64 variables');
  });
});

test('daemon/shutdown and daemon/release agree with their schemas', () => {
  for (const params of variants({ mode: 'now', onlyIfIdle: true, deliberate: false })) {
    if (params === undefined) continue;
    expect([params, accepts(readShutdownParams, params)]).toEqual([
      params,
      safeParse(DaemonShutdownParams, params).success,
    ]);
  }
  expect(readShutdownParams(undefined)).toEqual({});
  for (const params of variants({ build: GOOD.client.build })) {
    const bySchema = safeParse(DaemonReleaseParams, params).success;
    if (bySchema) expect(accepts(readReleaseParams, params)).toBe(true);
  }
});
