/** What stands between a method's name and its handler. */
import { describe, expect, test, vi } from 'vitest';
import type { ClientPort } from '../../../daemon/services/client-port.ts';
import { Router, type Outcome, type RouterOptions } from '../../../daemon/transport/router.ts';
import type { RequestContext, ServiceRoutes } from '../../../daemon/transport/routes.ts';
import { ProtocolError } from '../../../protocol/errors.ts';

const CLIENT = { id: 1, kind: 'chat' } as ClientPort;
const SESSION = { sessionId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' };

interface Set {
  readonly router: Router;
  readonly reported: unknown[];
}

function routerWith(handlers: object, options: Partial<RouterOptions> = {}): Set {
  const reported: unknown[] = [];
  const router = new Router({
    routes: handlers as ServiceRoutes,
    desk: {
      hello: () => ({ protocol: 1 }) as never,
      answer: (method) => Promise.resolve({ answered: method }),
    },
    phase: () => 'serving',
    requireKey: () => Promise.resolve(),
    report: (thrown) => {
      reported.push(thrown);
      return 'trace-1';
    },
    validateResults: true,
    ...options,
  });
  return { router, reported };
}

async function failure(outcome: Promise<Outcome>): Promise<{ kind: string; message: string; code: number }> {
  const settled = await outcome;
  if (!('error' in settled)) throw new Error(`it succeeded: ${JSON.stringify(settled)}`);
  const { code, message, data } = settled.error;
  return { code, message, kind: data.kind };
}

const call = (router: Router, method: string, params?: unknown): Promise<Outcome> =>
  router.call(method, params, CLIENT).outcome;

describe('a request', () => {
  test('reaches its handler with validated params and the connection it came by', async () => {
    const seen: unknown[] = [];
    const { router } = routerWith({
      'history/list': async (params: unknown, context: RequestContext) => {
        seen.push(params, context.connection.id);
        return { lines: ['a'] };
      },
    });
    expect(await call(router, 'history/list', { limit: 5 })).toEqual({ result: { lines: ['a'] } });
    expect(await call(router, 'history/list')).toEqual({ result: { lines: ['a'] } });
    expect(seen).toEqual([{ limit: 5 }, 1, {}, 1]);
  });

  test('with wrong params is refused with a sentence that names the field', async () => {
    const { router } = routerWith({});
    const refusals = [
      ['history/list', { limit: 5_000 }, 'limit must be at most 1000'],
      ['history/list', { limit: 1.5 }, 'limit must be a whole number'],
      ['history/list', { lines: 1 }, 'params has the unknown field lines'],
      ['history/list', [], 'params must be an object'],
      ['history/add', {}, 'line must be a string'],
      ['session/get', { sessionId: 'x' }, 'sessionId does not have the form that is wanted'],
      ['session/list', { archived: 'maybe' }, 'archived must be one of exclude, include, only'],
      [
        'session/rename',
        { ...SESSION, opId: SESSION.sessionId, title: 'x'.repeat(1_001) },
        'title must have at most 1000 characters',
      ],
      [
        'turn/submit',
        { opId: SESSION.sessionId, target: { kind: 'nowhere' }, prompt: [] },
        'target.kind has none of the forms that are allowed',
      ],
      [
        'turn/submit',
        { opId: SESSION.sessionId, target: { kind: 'new', workspace: '/w' }, prompt: [] },
        'prompt must have at least 1 items',
      ],
    ] as const;
    for (const [method, params, message] of refusals) {
      expect(await failure(call(router, method, params))).toEqual({ code: -32602, kind: 'INVALID_PARAMS', message });
    }
  });

  test('for a method that does not exist is refused, also for what every object has', async () => {
    const { router } = routerWith({});
    for (const method of ['no/such', 'constructor', '__proto__', 'toString', '']) {
      expect(await failure(call(router, method, {}))).toMatchObject({ code: -32601, kind: 'METHOD_NOT_FOUND' });
    }
  });

  test('about the process goes to the desk', async () => {
    const { router } = routerWith({}, { phase: () => 'closed' });
    expect(await call(router, 'daemon/status', {})).toEqual({ result: { answered: 'daemon/status' } });
  });
});

describe('an error', () => {
  test('that is expected reaches the client with kind, hint and retryability', async () => {
    const { router, reported } = routerWith({
      'history/list': async () => {
        throw new ProtocolError('STORAGE_FULL', 'the disk is full', { hint: 'make room', retryable: true });
      },
    });
    expect(await call(router, 'history/list', {})).toEqual({
      error: {
        code: 1000,
        message: 'the disk is full',
        data: { kind: 'STORAGE_FULL', retryable: true, hint: 'make room' },
      },
    });
    expect(reported).toEqual([]);
  });

  test('that is not expected reveals nothing but the name of its log line', async () => {
    const bug = new TypeError('secret');
    const { router, reported } = routerWith({
      'history/list': () => Promise.reject(bug),
      'session/get': () => {
        throw bug;
      },
    });
    for (const outcome of [call(router, 'history/list', {}), call(router, 'session/get', SESSION)]) {
      const settled = await outcome;
      expect(settled).toMatchObject({
        error: { code: -32603, message: 'internal error', data: { traceId: 'trace-1' } },
      });
      expect(JSON.stringify(settled)).not.toContain('secret');
    }
    expect(reported).toEqual([bug, bug]);
  });

  test('of the result against the table is a bug of ours', async () => {
    const handlers = { 'history/list': async () => ({ lines: 'none' }) };
    expect(await failure(call(routerWith(handlers).router, 'history/list', {}))).toMatchObject({ kind: 'INTERNAL' });
    const lenient = routerWith(handlers, { validateResults: false });
    expect(await call(lenient.router, 'history/list', {})).toEqual({ result: { lines: 'none' } });
  });
});

describe('time', () => {
  test('runs out: the client is told, the handler’s signal speaks, and a late result is dropped', async () => {
    vi.useFakeTimers();
    try {
      let signal: AbortSignal | undefined;
      let finish: (result: object) => void = () => undefined;
      const { router } = routerWith({
        'session/rename': (_params: unknown, context: RequestContext) => {
          signal = context.signal;
          return new Promise((resolve) => (finish = resolve));
        },
      });
      const outcome = failure(call(router, 'session/rename', { ...SESSION, opId: SESSION.sessionId, title: 't' }));
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await outcome).toMatchObject({ kind: 'DEADLINE', message: 'session/rename took longer than 10 s' });
      expect(signal?.aborted).toBe(true);
      let settled = false;
      void router.settled().then(() => (settled = true));
      await vi.advanceTimersByTimeAsync(1);
      expect(settled).toBe(false);
      finish({});
      await vi.advanceTimersByTimeAsync(1);
      expect(settled).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('spent on opening the store counts, and a call that was cancelled meanwhile does not begin', async () => {
    let open: () => void = () => undefined;
    let begun = false;
    const { router } = routerWith(
      {
        'session/get': async () => {
          begun = true;
          return {};
        },
      },
      { requireKey: () => new Promise((resolve) => (open = resolve)) },
    );
    const pending = router.call('session/get', SESSION, CLIENT);
    pending.cancel();
    expect(await failure(pending.outcome)).toMatchObject({ kind: 'CANCELLED', code: -32800 });
    open();
    await router.settled();
    expect(begun).toBe(false);
  });
});

describe('a cancelled or abandoned call', () => {
  const waiting = (_params: unknown, { signal }: RequestContext): Promise<object> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => setTimeout(resolve, 20, {}));
    });

  test('that only reads is answered at once', async () => {
    const { router } = routerWith({ 'session/verify': waiting }, { validateResults: false });
    const reading = router.call('session/verify', SESSION, CLIENT);
    reading.cancel();
    expect(await failure(reading.outcome)).toMatchObject({ kind: 'CANCELLED' });
    await router.settled();
  });

  test('that changes something says what became of it', async () => {
    const { router } = routerWith({ 'history/add': waiting });
    const writing = router.call('history/add', { line: 'x' }, CLIENT);
    await new Promise(setImmediate);
    writing.cancel();
    expect(await writing.outcome).toEqual({ result: {} });
  });

  test('goes on when it changes something and the client leaves', async () => {
    let aborted = false;
    const { router } = routerWith({
      'history/add': async (_params: unknown, { signal }: RequestContext) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        aborted = signal.aborted;
        return {};
      },
    });
    const writing = router.call('history/add', { line: 'x' }, CLIENT);
    writing.abandon();
    expect(await writing.outcome).toEqual({ result: {} });
    expect(aborted).toBe(false);
  });
});

describe('the key and the drain', () => {
  test('a method that needs the key waits for it or gets its reason', async () => {
    const handlers = { 'session/get': async () => ({}), 'config/reload': async () => ({ problems: [] }) };
    const { router } = routerWith(handlers, {
      requireKey: () => Promise.reject(new ProtocolError('KEY_LOCKED', 'the keychain is locked')),
    });
    expect(await failure(call(router, 'session/get', SESSION))).toMatchObject({ kind: 'KEY_LOCKED' });
    expect(await call(router, 'config/reload', {})).toEqual({ result: { problems: [] } });
  });

  test('while draining only the admin methods are served, and once closed none', async () => {
    let phase: 'draining' | 'closed' = 'draining';
    const { router } = routerWith(
      { 'history/list': async () => ({ lines: [] }), 'config/reload': async () => ({ problems: [] }) },
      { phase: () => phase },
    );
    expect(await failure(call(router, 'history/list', {}))).toMatchObject({ kind: 'DRAINING' });
    expect(await call(router, 'config/reload', {})).toEqual({ result: { problems: [] } });
    phase = 'closed';
    expect(await failure(call(router, 'config/reload', {}))).toMatchObject({ kind: 'DRAINING' });
  });
});
