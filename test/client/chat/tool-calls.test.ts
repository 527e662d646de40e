import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import type { ToolResultPart } from '../../../protocol/message.ts';
import type { CallStart } from '../../../protocol/tool.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';

const RUN: CallStart = { callId: 'c1', name: 'bash', effect: 'command', title: 'run make', paths: [] };

/** A chat, 60 columns wide and 24 rows high, whose turn is under way. */
async function open(prepare: (daemon: FakeDaemon) => string[] = () => []) {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const argv = prepare(daemon);
  const fake = fakeSurroundings(daemon, { isTTY: true, environment: { NO_COLOR: '1', LANG: 'C.UTF-8' } });
  const ended = main(argv, fake.around);
  onTestFinished(async () => {
    fake.signal('SIGTERM');
    await ended;
    expect(fake.stdout.terminal.unknown).toEqual([]);
  });
  await fake.stdout.untilScreen(/^»/m);
  if (argv.length === 0) fake.stdin.write('hello\r');
  await waitUntil('the session', () => daemon.watching([...daemon.sessions.keys()].at(-1) ?? '') > 0);
  const sessionId = [...daemon.sessions.keys()].at(-1) ?? '';
  return {
    ...fake,
    daemon,
    sessionId,
    screen: () => fake.stdout.terminal.screen,
    type: (keys: string) => void fake.stdin.write(keys),
    call: (call: CallStart) => {
      daemon.emit(sessionId, 'call', 1, call);
    },
    output: (text: string, offset: number) => {
      daemon.emit(sessionId, 'output', 1, { callId: 'c1', offset, text });
    },
    result: (part: Partial<ToolResultPart>) => {
      result(daemon, sessionId, part);
    },
    ends: async (...lines: string[]) => fake.stdout.untilScreen(lines.join('\n'), 2_000, true),
  };
}

function result(daemon: FakeDaemon, sessionId: string, part: Partial<ToolResultPart>): void {
  const whole = { type: 'tool-result' as const, callId: 'c1', name: 'bash', output: '', isError: false, ...part };
  daemon.emit(sessionId, 'message', 1, { role: 'tool', parts: [whole] });
}

test('a command shows that it began, its newest output while it runs, and what came of it', async () => {
  const chat = await open();
  chat.call(RUN);
  await chat.ends('» hello', '⏺ run make');
  chat.output('1\n2\n3\n4\n5\n6\n7', 0);
  await chat.ends('⏺ run make', '  3', '  4', '  5', '  6', '  7');
  chat.type('next');
  await chat.ends('⏺ run make', '  3', '  4', '  5', '  6', '  7', '» next');
  chat.result({
    output: '1\n2\n3\n4\n5\n6\n7\n8\n[exit code 0 after 0.2 s]',
    details: { exitCode: 0, durationMs: 200 },
  });
  await chat.ends(
    '⏺ run make',
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((line) => `  ${line}`),
    '  exit 0 · 200 ms · 8 lines',
    '» next',
  );
});

test('a flood of output takes a few rows, and commands nothing', async () => {
  const chat = await open();
  chat.call({ ...RUN, title: 'run \x1b[2Jmake' });
  for (let round = 0; round < 50; round += 1) chat.output(`\x1b[H\x1b[2J${'x'.repeat(500)}\n\u202ey\r`.repeat(20), 0);
  await chat.stdout.untilScreen(/⏺ run ␛\[2Jmake\n {2}.*\n {2}.*\n {2}.*\n {2}.*\n {2}.*$/);
  expect(chat.screen()).toContain('␛[H␛[2Jxxx');
  expect(chat.screen().split('\n').length).toBeLessThan(12);
});

test('a resize in the middle of output leaves nothing behind', async () => {
  const chat = await open();
  chat.call(RUN);
  chat.output('one\ntwo\n', 0);
  await chat.ends('⏺ run make', '  one', '  two');
  chat.stdout.emit('resize');
  await chat.ends('⏺ run make', '  one', '  two');
  chat.daemon.complete(chat.sessionId, 1, 'done');
  await chat.stdout.untilScreen('saved');
  expect(chat.screen()).not.toContain('  one');
});

test('calls side by side are told apart by what came of them', async () => {
  const chat = await open();
  chat.call({ ...RUN, callId: 'a', effect: 'read', name: 'read', title: 'read a.txt' });
  chat.call({ ...RUN, callId: 'b', effect: 'read', name: 'read', title: 'read b.txt' });
  chat.result({ callId: 'a', name: 'read', output: 'a.txt is gone', isError: true });
  chat.result({ callId: 'b', name: 'read', output: 'text' });
  await chat.ends('⏺ read a.txt', '⏺ read b.txt', '⏺ read a.txt', '  a.txt is gone');
});

test('a call that was not done says so; one that the person rejected says it once', async () => {
  const chat = await open();
  chat.result({ name: 'fly', output: 'There is no tool fly.', isError: true });
  await chat.ends('⏺ fly was not done', '  There is no tool fly.');
  chat.daemon.emit(chat.sessionId, 'approval', 1, { state: 'rejected', callId: 'c2', reason: 'no' });
  chat.result({ callId: 'c2', output: 'Not done: the person rejected this call.', isError: true });
  chat.daemon.complete(chat.sessionId, 1, 'done');
  await chat.ends('  There is no tool fly.', 'done', 'saved', '»');
});

test('a turn that was interrupted names the calls nobody knows the end of, and what can be done', async () => {
  const chat = await open();
  chat.call(RUN);
  chat.daemon.turn(chat.sessionId, 1, {
    state: 'interrupted',
    reason: 'crash',
    uncertain: [{ callId: 'c1', title: 'run make\x1b[2J' }],
  });
  await chat.ends(
    '[interrupted: the daemon ended unexpectedly; the prompt is k',
    'ept]',
    '  not known whether this took effect: run make␛[2J',
    '  /continue goes on from the last finished step',
    '  /retry begins the turn again from its prompt',
    '  /leave leaves it as it is',
    '»',
  );
});

test('a session that is interrupted says the same when it is opened, and its calls take a line each', async () => {
  const chat = await open((daemon) => {
    const id = daemon.newSession();
    daemon.begin(id, 1, 'build it');
    daemon.emit(id, 'call', 1, { ...RUN, callId: 'a', effect: 'edit', title: 'edit a.txt' });
    result(daemon, id, { callId: 'a', name: 'edit', details: { diff: '--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n' } });
    daemon.emit(id, 'call', 1, RUN);
    daemon.turn(id, 1, { state: 'interrupted', reason: 'crash', uncertain: [{ callId: 'c1', title: 'run make' }] });
    const stored = daemon.sessions.get(id);
    if (stored !== undefined) stored.session.status = 'interrupted';
    return ['-r', id];
  });
  await chat.ends('  /leave leaves it as it is', '»');
  expect(chat.screen()).toContain('» build it\n⏺ edit a.txt · +1 −1\n⏺ run make\n[interrupted');
  expect(chat.screen()).toContain('not known whether this took effect: run make');
});

test('a call that was under way when the session was opened ends under its title', async () => {
  const chat = await open((daemon) => {
    const id = daemon.newSession();
    daemon.begin(id, 1, 'build it');
    daemon.emit(id, 'call', 1, RUN);
    return ['-r', id];
  });
  chat.result({ output: '[exit code 0 after 0.2 s]', details: { exitCode: 0, durationMs: 200 } });
  await chat.stdout.untilScreen('⏺ run make\n  exit 0 · 200 ms · no output');
  expect(chat.screen()).not.toContain('was not done');
});

test('a question that was open when the session was opened is asked', async () => {
  const question = { ...RUN, detail: 'make', reasons: [], scopes: ['once' as const] };
  const chat = await open((daemon) => {
    const id = daemon.newSession();
    daemon.begin(id, 1, 'build it');
    daemon.ask(id, 1, question);
    return ['-r', id];
  });
  await chat.stdout.untilScreen('? run make\nallow? [y] once  [n] no');
});

test('a limit that ended the turn says what can be done about it', async () => {
  const chat = await open();
  const error = {
    kind: 'LIMIT_REACHED' as const,
    message: 'the turn has used its 50 steps',
    hint: '/continue goes on.',
  };
  chat.daemon.turn(chat.sessionId, 1, { state: 'failed', error });
  await chat.ends('turn failed: the turn has used its 50 steps', '  /continue goes on.', '»');
});

test('in a pipe calls go to stderr, and answers alone to stdout', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon);
  const ended = main([], fake.around);
  fake.stdin.write('hello\n');
  await waitUntil('the session', () => daemon.watching([...daemon.sessions.keys()].at(-1) ?? '') > 0);
  const sessionId = [...daemon.sessions.keys()].at(-1) ?? '';
  daemon.emit(sessionId, 'call', 1, RUN);
  daemon.emit(sessionId, 'output', 1, { callId: 'c1', offset: 0, text: 'live\n' });
  result(daemon, sessionId, { output: 'x\n[exit code 0 after 0.2 s]', details: { exitCode: 0, durationMs: 200 } });
  daemon.complete(sessionId, 1, 'done');
  fake.stdin.end();
  await ended;
  expect(fake.stdout.text).toBe('done\n');
  expect(fake.stderr.text).toContain('* run make\n  x\n  exit 0 · 200 ms · 1 line\n');
  expect(fake.stderr.text).not.toContain('live');
});

test('a capture that takes long is seen below the conversation, with the way not to wait for it', async () => {
  const chat = await open();
  const told = { state: 'running', files: 41_200, total: 100_000, ms: 1_500, waits: false } as const;
  chat.daemon.emit(chat.sessionId, 'capture', 1, told);
  await chat.ends('[capturing files: 41,200 of about 100,000]');
  chat.daemon.emit(chat.sessionId, 'capture', 1, { ...told, waits: true });
  await fakeScreen(chat, 'the turn waits, /skip goes on without');
  chat.daemon.overrides['snapshot/giveUp'] = () => ({ turn: 1 });
  chat.type('/skip\r');
  await fakeScreen(chat, 'turn 1 goes on, and its files cannot be brought back');
  chat.daemon.emit(chat.sessionId, 'capture', 1, { ...told, state: 'given-up' });
  await waitUntil('the status is gone', () => !chat.screen().includes('capturing files'));
});

async function fakeScreen(chat: Awaited<ReturnType<typeof open>>, words: string): Promise<void> {
  await waitUntil(words, () => chat.screen().replaceAll('\n', '').includes(words));
}
