import { expect, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/m-home.ts';

async function untilTrue(isTrue: () => boolean): Promise<void> {
  await waitUntil(isTrue, () => 'it never became true', 5_000);
}

async function pipe(input: string, argv: string[] = [], daemon = new FakeDaemon()) {
  const fake = fakeSurroundings(daemon, { input });
  const code = await main(argv, fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text, daemon };
}

test('a piped conversation answers, saves and lists, and says that a key file is in use', async () => {
  const { code, out, err } = await pipe('hello\n/save first\n/sessions\n/exit\n');
  expect(out).toBe(
    [
      'You said: hello',
      'session saved: 2025-07-04_12-30_first (2 messages)',
      'saved sessions (2):',
      '  1) _autosave               2025-07-04 12:30  2 messages  demo/offline',
      '  2) 2025-07-04_12-30_first  2025-07-04 12:30  2 messages  demo/offline',
      'use /resume <id or number> to restore',
      '',
    ].join('\n'),
  );
  expect(err).toContain('demo/offline (built-in demo, no network)');
  expect(err).toContain('key file');
  expect(code).toBe(0);
});

test('each line waits for the end of the turn before it', async () => {
  const { out, daemon } = await pipe('one\ntwo\n');
  expect(out).toBe('You said: one\nYou said: two\n');
  expect(daemon.calls.filter(({ method }) => method === 'turn/submit')).toHaveLength(2);
});

test('a block is one prompt and may begin with a slash', async () => {
  const { out } = await pipe('"""\n/first\nsecond\n"""\n//third\n');
  expect(out).toBe('You said: /first\nsecond\nYou said: /third\n');
});

test('a block that is never closed is not sent, and says so', async () => {
  const { code, out, err } = await pipe('"""\nfirst\n');
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain('that block was not sent');
});

test('a last line without an end counts, and line ends of other systems do not', async () => {
  expect((await pipe('one\r\ntwo')).out).toBe('You said: one\nYou said: two\n');
});

test('an answer of nothing is said to be that', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = () => '';
  const fake = fakeSurroundings(daemon, { input: 'one\n' });
  expect(await main([], fake.around)).toBe(0);
  expect(fake.stdout.text).toBe('');
  expect(fake.stderr.text).toContain('[the model answered with nothing]');
  expect((await pipe('one\n')).err).not.toContain('nothing');
});

test('a failed turn is told on stderr and makes the exit code 1; the next line goes on', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { input: 'one\n/status\n' });
  const ended = main([], fake.around);
  await untilTrue(() => daemon.sessions.size === 1);
  const [sessionId = ''] = daemon.sessions.keys();
  const error = { kind: 'REFUSED' as const, message: 'no such model', hint: 'Choose another.' };
  daemon.turn(sessionId, 1, { state: 'failed', error });
  expect(await ended).toBe(1);
  expect(fake.stderr.text).toContain('turn failed: no such model\n  Choose another.');
  expect(fake.stdout.text).toContain('session:');
});

test('a prompt that is refused makes the exit code 1', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/submit'] = () => {
    throw new ProtocolError('MODEL_UNKNOWN', 'no provider named x', { hint: 'Known: demo.' });
  };
  const { code, err } = await pipe('one\n', [], daemon);
  expect(code).toBe(1);
  expect(err).toContain('m: no provider named x\n  Known: demo.');
});

test('after the daemon is lost for good nothing more is tried', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/submit'] = () => {
    throw new ProtocolError('DAEMON_UNAVAILABLE', 'the daemon cannot be started');
  };
  const { code } = await pipe('one\ntwo\n', [], daemon);
  expect(code).toBe(69);
  expect(daemon.calls.filter(({ method }) => method === 'turn/submit')).toHaveLength(1);
});

test('errors of commands are their output, in the words of the document', async () => {
  const { out, code } = await pipe('/resume x\n/reset\n');
  expect(out).toBe('error: session not found: x\n(history cleared)\n');
  expect(code).toBe(0);
});

test('-c goes on with the newest session of the workspace, without showing it', async () => {
  const daemon = new FakeDaemon();
  await pipe('one\n', ['--cwd', '/'], daemon);
  await pipe('two\n', [], daemon);
  const { out, err } = await pipe('three\n', ['-c', '--cwd', '/'], daemon);
  expect(out).toBe('You said: three\n');
  expect(err).toMatch(/resumed session \S+ \(2 messages, demo\/offline\)/);
  expect(daemon.sessions.size).toBe(2);
});

test('-c without any session begins one', async () => {
  const { out, err } = await pipe('one\n', ['-c']);
  expect(out).toBe('You said: one\n');
  expect(err).toContain('new session');
});

test('-r with an unknown id ends with 3, -r without one lists', async () => {
  expect(await pipe('one\n', ['-r', 'x'])).toMatchObject({
    code: 3,
    err: expect.stringContaining('m: session not found: x'),
  });
  expect(await pipe('one\n', ['-r'])).toMatchObject({ code: 0, out: 'no saved sessions\n' });
});

test('a command line that cannot be read ends with 2', async () => {
  expect(await pipe('', ['--nonsense'])).toMatchObject({
    code: 2,
    err: expect.stringContaining("unknown option '--nonsense'"),
  });
  expect(await pipe('', ['-c', '-r', 'x'])).toMatchObject({ code: 2 });
  expect(await pipe('', ['--cwd', '/nowhere'])).toMatchObject({ code: 2, err: expect.stringContaining('/nowhere') });
});

test('--model comes with the next prompt, M_MODEL only with a new session', async () => {
  const daemon = new FakeDaemon();
  const models = () =>
    daemon.calls.flatMap(({ method, params }) =>
      method === 'turn/submit' ? [(params as { model?: string }).model] : [],
    );
  const run = async (argv: string[]) => {
    await main(argv, fakeSurroundings(daemon, { input: 'x\n', environment: { M_MODEL: 'env/model' } }).around);
  };
  await run([]);
  await run(['-c']);
  await run(['-c', '--model', 'flag/model']);
  expect(models()).toEqual(['env/model', undefined, 'flag/model']);
});

test('a store that cannot be read ends with 4 and the remedy', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['key/status'] = () => ({
    state: 'denied',
    provider: null,
    reason: 'no keychain can be reached',
    hint: 'Add --allow-keyfile.',
    keyFile: null,
    created: false,
  });
  const { code, err } = await pipe('one\n', [], daemon);
  expect(code).toBe(4);
  expect(err).toBe('m: no keychain can be reached\n  Add --allow-keyfile.\n');
});

test('problems of the configuration are told at the start', async () => {
  const daemon = new FakeDaemon();
  const status = await daemon.connect().call('daemon/status', {});
  daemon.overrides['daemon/status'] = () => ({ ...status, configProblems: ['config.toml:3: colour is not a setting'] });
  expect((await pipe('', [], daemon)).err).toContain('configuration: config.toml:3: colour is not a setting');
});

test('that old snapshots will be removed for the first time is told at the start', async () => {
  const daemon = new FakeDaemon();
  const status = await daemon.connect().call('daemon/status', {});
  daemon.overrides['daemon/status'] = () => ({ ...status, snapshotsGoAt: '2026-01-02T12:00:00.000Z' });
  expect((await pipe('', [], daemon)).err).toMatch(
    /old snapshots will be removed from 2026-01-0\d .* on; mctl snapshots prune --dry-run/,
  );
});

test.each(['SIGTERM', 'SIGHUP'])('%s leaves at once and says how to come back', async (signal) => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon);
  const ended = main([], fake.around);
  fake.stdin.write('hello\n');
  await untilTrue(() => daemon.sessions.size === 1);
  fake.signal(signal);
  expect(await ended).toBe(0);
  expect(fake.stderr.text).toMatch(/turn 1 goes on; come back with: m -r \S+\n$/);
});

test('Ctrl+C cancels the turn and ends with 130', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon);
  const ended = main([], fake.around);
  fake.stdin.write('hello\nnever sent\n');
  await untilTrue(() => daemon.sessions.size === 1);
  fake.signal('SIGINT');
  expect(await ended).toBe(130);
  expect(fake.stderr.text).toContain('[cancelled]');
  expect(daemon.calls.filter(({ method }) => method === 'turn/submit')).toHaveLength(1);
});

test('a reader that has gone ends it quietly', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon);
  const ended = main([], fake.around);
  fake.stdin.write('hello\n');
  await untilTrue(() => daemon.sessions.size === 1);
  const before = fake.stderr.text;
  fake.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  expect(await ended).toBe(0);
  expect(fake.stderr.text).toBe(before);
});

test('prompts of other terminals do not get into the answers', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon);
  const ended = main([], fake.around);
  fake.stdin.write('hello\n');
  await untilTrue(() => daemon.sessions.size === 1);
  const [sessionId = ''] = daemon.sessions.keys();
  daemon.submitElsewhere(sessionId, 'from afar');
  daemon.complete(sessionId, 1, 'own answer');
  daemon.complete(sessionId, 2, 'far answer');
  fake.stdin.end();
  expect(await ended).toBe(0);
  expect(fake.stdout.text).toBe('own answer\n');
});

/** A session whose turn has ended so, and what `/continue` and `/retry` do there. */
function revivable(state: 'interrupted' | 'failed') {
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession();
  daemon.begin(sessionId, 1, 'one');
  daemon.turn(sessionId, 1, { state });
  const ends: (() => void)[] = [];
  for (const verb of ['turn/continue', 'turn/retry'] as const) {
    daemon.overrides[verb] = () => {
      // The answer may come before the events.
      setImmediate(() => {
        daemon.turn(sessionId, 1, { state: 'running' });
        ends.shift()?.();
      });
      return { sessionId, turn: 1 };
    };
  }
  return { daemon, sessionId, ends };
}

test.each(['interrupted', 'failed'] as const)('a turn that was %s is waited for when it goes on', async (state) => {
  const { daemon, sessionId, ends } = revivable(state);
  ends.push(
    () => daemon.complete(sessionId, 1, 'the rest of it'),
    () => daemon.complete(sessionId, 1, 'all of it again'),
  );
  const { code, out } = await pipe('/continue\n/retry\nlast\n', ['-r', sessionId], daemon);
  expect(out).toBe('turn 1 goes on\nthe rest of it\nturn 1 begins again\nall of it again\nYou said: last\n');
  expect(code).toBe(0);
});

test('a turn that goes on and fails makes the exit code 1, and so does one that cannot go on', async () => {
  const { daemon, sessionId, ends } = revivable('interrupted');
  const error = { kind: 'REFUSED' as const, message: 'no such model', hint: '' };
  ends.push(() => daemon.turn(sessionId, 1, { state: 'failed', error }));
  const failed = await pipe('/continue\n/status\n', ['-r', sessionId], daemon);
  expect(failed.code).toBe(1);
  expect(failed.err).toContain('turn failed: no such model');
  expect(failed.out).toContain('state:     failed');
  daemon.overrides['turn/continue'] = () => {
    throw new ProtocolError('CONFLICT', 'turn 1 is completed and cannot be continued');
  };
  const refused = await pipe('/continue\n', ['-r', sessionId], daemon);
  expect(refused.code).toBe(1);
  expect(refused.out).toContain('error: turn 1 is completed');
});

test('a turn whose last reply is empty says so, whatever was said before its calls', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { input: 'one\n' });
  const ended = main([], fake.around);
  await untilTrue(() => daemon.sessions.size === 1);
  const [sessionId = ''] = daemon.sessions.keys();
  const call = { type: 'tool-call' as const, callId: 'c1', name: 'read', arguments: '{}' };
  const result = { type: 'tool-result' as const, callId: 'c1', name: 'read', output: 'x', isError: false };
  const text = { type: 'text' as const, text: 'Let me look.' };
  daemon.emit(sessionId, 'message', 1, { role: 'assistant', parts: [text, call] });
  daemon.emit(sessionId, 'message', 1, { role: 'tool', parts: [result] });
  daemon.complete(sessionId, 1, '');
  await ended;
  expect(fake.stderr.text).toContain('[the model answered with nothing]');
});
