import { afterEach, expect, test, vi } from 'vitest';
import { main } from '../../../client/run/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings, type FakeSurroundings } from '../../support/fake-surroundings.ts';
import { entry } from '../../support/snapshot-samples.ts';

afterEach(() => {
  vi.useRealTimers();
});

interface Running extends FakeSurroundings {
  readonly daemon: FakeDaemon;
  readonly sessionId: string;
  readonly ended: Promise<number>;
  /** The lines of NDJSON so far. */
  lines(): { type: string; [field: string]: unknown }[];
}

/** A run whose turn the test drives, once its prompt has been accepted. */
async function started(argv: string[], daemon = new FakeDaemon()): Promise<Running> {
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { input: '' });
  const accepted = new Promise<void>((resolve) => {
    const begin = daemon.begin.bind(daemon);
    daemon.begin = (...parameters) => {
      begin(...parameters);
      resolve();
    };
  });
  const ended = main(argv, fake.around);
  await accepted;
  // The answer to the prompt and the attach behind it.
  for (let round = 0; round < 20; round += 1) await Promise.resolve();
  return {
    ...fake,
    daemon,
    ended,
    sessionId: [...daemon.sessions.keys()].at(-1) ?? '',
    lines: () => linesOf(fake.stdout.text),
  };
}

function linesOf(text: string): { type: string; [field: string]: unknown }[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { type: string });
}

async function run(argv: string[], input = '', daemon = new FakeDaemon()) {
  const fake = fakeSurroundings(daemon, { input });
  const code = await main(argv, fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text, daemon };
}

test('the answer goes to stdout, with a line end', async () => {
  expect(await run(['hello', 'there'])).toMatchObject({ code: 0, out: 'You said: hello there\n' });
});

test('the prompt comes from standard input with -, or without a prompt', async () => {
  expect((await run(['-'], 'from stdin')).out).toBe('You said: from stdin\n');
  expect((await run([], 'from\nstdin')).out).toBe('You said: from\nstdin\n');
});

test('an answer of nothing is said to be that', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = () => '';
  const { code, out, err } = await run(['hello'], '', daemon);
  expect({ code, out }).toEqual({ code: 0, out: '' });
  expect(err).toMatch(/^m: the model answered with nothing\n$/m);
  expect((await run(['hello'])).err).not.toContain('nothing');
});

test('an answer of nothing after calls is said to be that, whatever was said before them', async () => {
  const { daemon, sessionId, ended, stderr } = await started(['hello']);
  const call = { type: 'tool-call' as const, callId: 'c1', name: 'read', arguments: '{}' };
  const result = { type: 'tool-result' as const, callId: 'c1', name: 'read', output: 'x', isError: false };
  const text = { type: 'text' as const, text: 'Let me look.' };
  daemon.emit(sessionId, 'call', 1, { callId: 'c1', name: 'read', effect: 'read', title: 'read x', paths: [] });
  daemon.emit(sessionId, 'message', 1, { role: 'assistant', parts: [text, call] });
  daemon.emit(sessionId, 'message', 1, { role: 'tool', parts: [result] });
  daemon.complete(sessionId, 1, '');
  expect(await ended).toBe(0);
  expect(stderr.text).toContain('m: the model answered with nothing\n');
});

test('without any prompt it ends with 2', async () => {
  expect(await run([])).toMatchObject({ code: 2, err: expect.stringContaining('m: there is no prompt') });
});

test('NDJSON tells session, prompt, deltas, reply and the end', async () => {
  const { out, code } = await run(['--json', 'hello']);
  const lines = linesOf(out);
  const [sessionId] = [...new FakeDaemon().sessions.keys()];
  expect(sessionId).toBeUndefined();
  expect(lines.map(({ type }) => type)).toEqual([
    'session',
    'message',
    'turn.running',
    'delta',
    'delta',
    'message',
    'turn.completed',
  ]);
  expect(lines[0]).toEqual({ type: 'session', sessionId: expect.any(String), turn: 1, model: 'demo/offline' });
  expect(lines[3]).toEqual({ type: 'delta', turn: 1, step: 1, channel: 'text', offset: 0, text: 'You said' });
  expect(lines.at(-1)).toEqual({
    type: 'turn.completed',
    sessionId: lines[0]?.['sessionId'],
    turn: 1,
    usage: { inputTokens: 3, outputTokens: 5 },
    reason: 'stop',
  });
  expect(code).toBe(0);
});

test('what a turn did to the files is told on stderr, and as a line of its own to a program', async () => {
  const text = await started(['hello']);
  text.daemon.emit(text.sessionId, 'snapshot', 1, entry());
  text.daemon.complete(text.sessionId, 1, 'done');
  expect(await text.ended).toBe(0);
  expect(text.stderr.text).toContain('m: 2 files changed (+10 -3, 1 by shell)\n');
  expect(text.stdout.text).toBe('done\n');
  const json = await started(['--json', 'hello']);
  json.daemon.emit(json.sessionId, 'snapshot', 1, entry({ restorable: false, reason: 'the disk is full' }));
  json.daemon.complete(json.sessionId, 1, 'done');
  expect(await json.ended).toBe(0);
  expect(json.lines().find(({ type }) => type === 'snapshot')).toEqual({
    type: 'snapshot',
    turn: 1,
    ...entry({ restorable: false, reason: 'the disk is full' }),
  });
});

test('a turn without any change of files says nothing of them', async () => {
  const { daemon, sessionId, ended, stderr } = await started(['hello']);
  daemon.emit(sessionId, 'snapshot', 1, entry({ files: 0 }));
  daemon.complete(sessionId, 1, 'done');
  expect(await ended).toBe(0);
  expect(stderr.text).not.toContain('changed');
});

test('a failed turn ends with 1, and the last line says why', async () => {
  const { daemon, sessionId, ended, lines } = await started(['--json', 'hello']);
  const error = { kind: 'REFUSED' as const, message: 'no such model', hint: 'Choose another.' };
  daemon.turn(sessionId, 1, { state: 'failed', error });
  expect(await ended).toBe(1);
  expect(lines().at(-1)).toMatchObject({ type: 'turn.failed', sessionId, turn: 1, error });
});

test('before a turn exists the only line is an error, with the exit code of its kind', async () => {
  const { out, code } = await run(['--json', '-r', 'nothing', 'hello']);
  expect(code).toBe(3);
  expect(linesOf(out)).toEqual([{ type: 'error', kind: 'NOT_FOUND', message: 'session not found: nothing', hint: '' }]);
});

test.each([
  ['KEY_LOCKED', 4],
  ['CONFLICT', 5],
  ['DAEMON_UNAVAILABLE', 69],
  ['STORAGE_FULL', 1],
  ['PROVIDER_KEY_MISSING', 4],
] as const)('%s ends with %i', async (kind, code) => {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/submit'] = () => {
    throw new ProtocolError(kind, 'it cannot be');
  };
  expect(await run(['hello'], '', daemon)).toMatchObject({ code, err: expect.stringMatching(/^m: it cannot be\n$/m) });
});

test('a turn that was interrupted ends with 75 and says how to come back', async () => {
  const { daemon, sessionId, ended, stderr } = await started(['hello']);
  daemon.turn(sessionId, 1, { state: 'interrupted', reason: 'stopped' });
  expect(await ended).toBe(75);
  expect(stderr.text).toContain(`m -r ${sessionId}`);
});

test('Ctrl+C cancels the turn and ends with 130', async () => {
  const { sessionId, ended, lines, signal } = await started(['--json', 'hello']);
  signal('SIGINT');
  expect(await ended).toBe(130);
  expect(lines().at(-1)).toMatchObject({ type: 'turn.cancelled', sessionId, turn: 1 });
});

test('a second Ctrl+C leaves at once', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/cancel'] = () => new Promise(() => {});
  const { ended, lines, signal } = await started(['--json', 'hello'], daemon);
  signal('SIGINT');
  signal('SIGINT');
  expect(await ended).toBe(130);
  expect(lines().at(-1)).toMatchObject({ type: 'turn.interrupted', reason: 'left' });
});

test.each(['SIGTERM', 'SIGHUP'])('%s leaves without cancelling', async (name) => {
  const { daemon, ended, lines, signal } = await started(['--json', 'hello']);
  signal(name);
  expect(await ended).toBe(75);
  expect(lines().at(-1)).toMatchObject({ type: 'turn.interrupted', reason: 'left' });
  expect(daemon.calls.some(({ method }) => method === 'turn/cancel')).toBe(false);
});

test('a model that cannot be reached is waited for 20 seconds; then the prompt is left in the queue', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { daemon, sessionId, ended, lines, stderr } = await started(['--json', 'hello']);
  const error = { kind: 'UNREACHABLE' as const, message: 'nobody listens', hint: '' };
  daemon.turn(sessionId, 1, { state: 'waiting', waitingFor: 'backend', error, retryAt: '2025-07-04T12:30:05.000Z' });
  vi.advanceTimersByTime(19_000);
  daemon.turn(sessionId, 1, { state: 'waiting', waitingFor: 'backend', error });
  expect(lines().at(-1)?.type).toBe('turn.waiting');
  vi.advanceTimersByTime(1_001);
  expect(await ended).toBe(75);
  expect(lines().at(-1)).toMatchObject({ type: 'turn.interrupted', reason: 'queued', sessionId, turn: 1 });
  expect(stderr.text).toContain(
    `stays queued in the daemon, which sends it when it can; come back with: m -r ${sessionId}`,
  );
});

test('text begins the patience anew', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { daemon, sessionId, ended } = await started(['hello']);
  daemon.turn(sessionId, 1, { state: 'waiting', waitingFor: 'backend' });
  vi.advanceTimersByTime(19_000);
  daemon.turn(sessionId, 1, { state: 'running' });
  daemon.delta(sessionId, 1, 'text');
  vi.advanceTimersByTime(60_000);
  daemon.complete(sessionId, 1, 'text');
  expect(await ended).toBe(0);
});

test('--timeout ends the watching, not the turn', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { daemon, ended, lines } = await started(['--json', '--timeout', '5', 'hello']);
  vi.advanceTimersByTime(5_001);
  expect(await ended).toBe(75);
  expect(lines().at(-1)).toMatchObject({ type: 'turn.interrupted', reason: 'timeout' });
  expect(daemon.calls.some(({ method }) => method === 'turn/cancel')).toBe(false);
});

test('--timeout takes a number of seconds', async () => {
  expect(await run(['--timeout', 'soon', 'hello'])).toMatchObject({ code: 2 });
});

test('a daemon that is gone for good ends with 69', async () => {
  const { daemon, ended, lines } = await started(['--json', 'hello']);
  daemon.status({ state: 'reconnecting', reason: 'the daemon is gone' });
  daemon.status({ state: 'closed', reason: 'the daemon cannot be started' });
  expect(await ended).toBe(69);
  expect(lines().map(({ type }) => type)).toContain('connection');
  expect(lines().at(-1)).toMatchObject({ type: 'turn.interrupted', reason: 'the daemon cannot be started' });
});

test('a reply that a crash cut off is marked where it stands, and the turn is followed on', async () => {
  const { daemon, sessionId, ended, stdout } = await started(['hello']);
  daemon.delta(sessionId, 1, 'half');
  const parts = [{ type: 'text' as const, text: 'half' }];
  daemon.emit(sessionId, 'cutoff', 1, { step: 1, parts, reason: 'crash' });
  daemon.complete(sessionId, 1, 'whole');
  expect(await ended).toBe(0);
  expect(stdout.text).toBe('half\n[cut off: the daemon was restarted; continuing]\nwhole\n');
});

test('what another terminal says in the session is not part of the answer', async () => {
  const daemon = new FakeDaemon();
  await run(['first'], '', daemon);
  const { sessionId, ended, stdout } = await started(['-c', 'second'], daemon);
  daemon.submitElsewhere(sessionId, 'from afar');
  daemon.complete(sessionId, 2, 'answer');
  daemon.complete(sessionId, 3, 'far answer');
  expect(await ended).toBe(0);
  expect(stdout.text).toBe('answer\n');
});

test('a reader that has gone ends it quietly', async () => {
  const { ended, stdout, stderr } = await started(['hello']);
  stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  expect(await ended).toBe(75);
  expect(stderr.text).not.toContain('m:  ');
  expect(stderr.text).not.toContain('goes on');
});

test('an answer that cannot be written makes it fail', async () => {
  const { daemon, sessionId, ended, stdout, stderr } = await started(['hello']);
  stdout.emit('error', Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }));
  daemon.complete(sessionId, 1, 'x');
  expect(await ended).toBe(1);
  expect(stderr.text).toContain('the answer could not be written: write ENOSPC');
});

test('control characters reach neither text nor JSON', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = () => '\x1b[2J\x9b1m';
  expect((await run(['x'], '', daemon)).out).toBe('␛[2J\ufffd1m\n');
  const { out } = await run(['--json', 'x'], '', daemon);
  expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(linesOf(out).at(-2)).toMatchObject({ type: 'message', parts: [{ type: 'text', text: '\x1b[2J\x9b1m' }] });
});

test('-r without an id is refused, with what to do', async () => {
  expect(await run(['hello', '-r'])).toMatchObject({ code: 2, err: expect.stringContaining('`m -r` lists them') });
});

test('Ctrl+C before the prompt was given gives none', async () => {
  const daemon = new FakeDaemon();
  let answer: (result: object) => void = () => {};
  daemon.overrides['session/list'] = () => new Promise((resolve) => (answer = resolve));
  const fake = fakeSurroundings(daemon, { input: '' });
  const ended = main(['-c', 'hello'], fake.around);
  await vi.waitFor(() => {
    expect(daemon.calls.at(-1)?.method).toBe('session/list');
  });
  fake.signal('SIGINT');
  answer({ sessions: [], nextCursor: null, total: 0 });
  expect(await ended).toBe(130);
  expect(daemon.calls.some(({ method }) => method === 'turn/submit')).toBe(false);
});
