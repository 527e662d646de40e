import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ApprovalQuestion } from '../../../protocol/tool.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';

const ENTER = '\r';
const ESCAPE = '\x1b';
const TAB = '\t';
const OFFERS = 'allow? [y]es [s]ession [a]lways [n]o [r]eason';
const MAKE: ApprovalQuestion = {
  callId: 'c1',
  name: 'bash',
  effect: 'command',
  title: 'run make',
  detail: 'make',
  reasons: [],
  scopes: ['once', 'session', 'workspace'],
};
const DANGER: ApprovalQuestion = {
  ...MAKE,
  callId: 'c2',
  title: 'run rm -rf x',
  detail: 'rm -rf x',
  reasons: ['It deletes folders.'],
  scopes: ['once'],
};

/** A chat, 60 columns wide, whose turn is under way. */
async function open(environment: NodeJS.ProcessEnv = { NO_COLOR: '1', LANG: 'C.UTF-8' }) {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { isTTY: true, environment });
  const ended = main([], fake.around);
  onTestFinished(async () => {
    fake.signal('SIGTERM');
    await ended;
    expect(fake.stdout.terminal.unknown).toEqual([]);
  });
  await fake.stdout.untilScreen(/^»/m);
  fake.stdin.write(`hello${ENTER}`);
  await fake.stdout.untilScreen('» hello');
  await waitUntil('the session', () => daemon.watching([...daemon.sessions.keys()].at(-1) ?? '') > 0);
  const sessionId = [...daemon.sessions.keys()].at(-1) ?? '';
  const answers = () => daemon.calls.filter(({ method }) => method === 'approval/answer').map(({ params }) => params);
  return {
    ...fake,
    daemon,
    sessionId,
    answers,
    ended,
    screen: () => fake.stdout.terminal.screen,
    type: (keys: string) => void fake.stdin.write(keys),
    ends: async (...lines: string[]) => fake.stdout.untilScreen(lines.join('\n'), 2_000, true),
  };
}

test('a question takes the place of the typed line, and a letter answers it', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends('» hello', '? run make', OFFERS);
  chat.type('y');
  await chat.ends('? run make', '  allowed once');
  expect(chat.answers()).toMatchObject([{ callId: 'c1', decision: 'allow', scope: 'once' }]);
});

test.each([
  ['s', { decision: 'allow', scope: 'session' }, 'allowed in this session'],
  ['a', { decision: 'allow', scope: 'workspace' }, 'always allowed in this workspace'],
  ['n', { decision: 'reject' }, 'rejected'],
])('%s answers %j', async (key, answer, words) => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.type(key);
  await chat.stdout.untilScreen(words);
  expect(chat.answers()).toMatchObject([answer]);
});

test('Enter, words and pastes answer nothing', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  for (const keys of [ENTER, `y${ENTER}`, 'yes', '\x1b[200~y\x1b[201~', '\x1b[A', ' ']) chat.type(keys);
  chat.type('n');
  await chat.stdout.untilScreen('rejected');
  expect(chat.answers()).toMatchObject([{ decision: 'reject' }]);
});

test('what is being typed when a question comes is no answer; it stays, and Tab leads to the question', async () => {
  const chat = await open();
  chat.type('ye');
  await chat.ends('» ye');
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  chat.type('s');
  await chat.ends('? run make', '[run make waits for an answer: Tab]', '» yes');
  chat.type(TAB);
  await chat.ends('? run make', OFFERS);
  chat.type('y');
  await chat.ends('  allowed once', '» yes');
  expect(chat.answers()).toHaveLength(1);
});

test('keys that come with the question are typed text', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  chat.type('y');
  await chat.ends('[run make waits for an answer: Tab]', '» y');
  expect(chat.answers()).toEqual([]);
});

test('the question does not open before there was time to see it', async () => {
  const chat = await open();
  const before = performance.now();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  // Timers count whole milliseconds.
  expect(performance.now() - before).toBeGreaterThan(298);
});

test('a mode that is chosen while the question is open answers it, and that is said', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.daemon.emit(chat.sessionId, 'settings', 0, { mode: 'full' });
  chat.daemon.settle(chat.sessionId, 1, { state: 'allowed', callId: 'c1', scope: 'once' });
  await chat.ends('? run make', '  allowed: the mode is full now');
});

test('a prompt that was being typed can be given first; then the question takes the line', async () => {
  const chat = await open();
  chat.type('next');
  await chat.ends('» next');
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends('[run make waits for an answer: Tab]', '» next');
  chat.type(ENTER);
  await chat.ends('[queued (1 before it)]', OFFERS);
  expect(chat.answers()).toEqual([]);
});

test('Escape puts the question aside, so that commands can be typed', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.type(ESCAPE);
  await chat.ends('[run make waits for an answer: Tab]', '»');
  chat.type(`/status${ENTER}`);
  await chat.stdout.untilScreen('asked:     1 call: run make');
  await chat.ends('[run make waits for an answer: Tab]', '»');
});

test('a reason is typed in the line, and an empty one is none', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.type('r');
  await chat.ends('no, because:');
  chat.type(ENTER);
  await chat.ends(OFFERS);
  chat.type('r');
  await chat.ends('no, because:');
  chat.type(`use ninja${ENTER}`);
  await chat.stdout.untilScreen('rejected: use ninja');
  expect(chat.answers()).toMatchObject([{ decision: 'reject', reason: 'use ninja' }]);
});

test('danger is allowed with the whole word only', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, DANGER);
  await chat.ends('  ! It deletes folders.', 'allow? [yes] once  [n] no  [r] no, with a reason');
  chat.type('y');
  await chat.ends('with a reason y');
  chat.type(ENTER);
  await chat.ends('with a reason');
  expect(chat.answers()).toEqual([]);
  for (const key of `yes${ENTER}`) chat.type(key);
  await chat.stdout.untilScreen('allowed once');
});

test('who answers with the whole word answers one question, and types no prompt', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  chat.daemon.ask(chat.sessionId, 1, { ...MAKE, callId: 'c3', title: 'run ls' });
  await chat.ends('? run make', OFFERS);
  for (const key of ['y', 'e', 's', ENTER]) chat.type(key);
  await chat.ends('? run ls', '  make', OFFERS);
  expect(chat.answers()).toMatchObject([{ callId: 'c1', decision: 'allow' }]);
  for (const key of ['n', 'o', ENTER]) chat.type(key);
  await chat.stdout.untilScreen('rejected');
  chat.type('next');
  await chat.stdout.untilScreen('» next');
  expect(chat.daemon.calls.filter(({ method }) => method === 'turn/submit')).toHaveLength(1);
});

test('several questions come one after the other', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  chat.daemon.ask(chat.sessionId, 1, DANGER);
  await chat.ends(OFFERS);
  expect(chat.screen()).not.toContain('rm -rf');
  chat.type('n');
  await chat.ends('? run rm -rf x', '  ! It deletes folders.', 'allow? [yes] once  [n] no  [r] no, with a reason');
});

test('a question that is answered elsewhere goes away and says what was answered', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.daemon.settle(chat.sessionId, 1, { state: 'allowed', callId: 'c1', scope: 'session' });
  await chat.ends('? run make', '  answered elsewhere: allowed in this session');
  chat.type('n');
  await chat.ends('» n');
  expect(chat.answers()).toEqual([]);
});

test('an answer that somebody else was faster with is told as theirs, and as no failure', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.daemon.overrides['approval/answer'] = () => {
    throw new ProtocolError('CONFLICT', 'this call was allowed already');
  };
  chat.type('n');
  await chat.stdout.untilScreen('[answering]');
  chat.daemon.settle(chat.sessionId, 1, { state: 'allowed', callId: 'c1', scope: 'once' });
  await chat.ends('? run make', '  answered elsewhere: allowed once');
});

test('an answer that cannot be given says why, and the question is asked again', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.daemon.overrides['approval/answer'] = () => {
    throw new ProtocolError('STORAGE_FULL', 'the disk is full', { hint: 'Make room.' });
  };
  chat.type('y');
  await chat.ends('not answered: the disk is full', '  Make room.', OFFERS);
});

test('Ctrl+C cancels the turn and rejects nothing; Ctrl+D leaves it asking', async () => {
  const chat = await open();
  chat.daemon.ask(chat.sessionId, 1, MAKE);
  await chat.ends(OFFERS);
  chat.type('\x03');
  await chat.stdout.untilScreen('[cancelled]');
  await chat.ends('»');
  expect(chat.answers()).toEqual([]);
  chat.daemon.begin(chat.sessionId, 2, 'again');
  chat.daemon.ask(chat.sessionId, 2, { ...MAKE, callId: 'c9' });
  await chat.ends(OFFERS);
  chat.type('\x04');
  await expect(chat.ended).resolves.toBe(0);
  expect(chat.screen()).toContain('turn 2 goes on');
  expect(chat.answers()).toEqual([]);
});

test('a long command is allowed only after all of it was seen', async () => {
  const chat = await open();
  const detail = Array.from({ length: 60 }, (_, index) => `echo ${index}`).join('\n');
  chat.daemon.ask(chat.sessionId, 1, { ...MAKE, title: 'run echo 0…', detail });
  await chat.ends('more lines', 'allow? [v] view all  [n] no  [r] no, with a reason');
  chat.type('y');
  chat.type('v');
  await chat.ends('  echo 59', OFFERS);
  expect(chat.answers()).toEqual([]);
});

test('a terminal that cannot move its cursor is asked a line at a time', async () => {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { isTTY: true, environment: { TERM: 'dumb' } });
  const ended = main([], fake.around);
  await fake.stdout.until(/» $/);
  fake.stdin.write('hello\n');
  await waitUntil('the session', () => daemon.watching([...daemon.sessions.keys()].at(-1) ?? '') > 0);
  const sessionId = [...daemon.sessions.keys()].at(-1) ?? '';
  daemon.ask(sessionId, 1, MAKE);
  await fake.stdout.until('allow? yes, session, always, no, no REASON: ');
  fake.stdin.write('y\n');
  await fake.stdout.until(/REASON: .*REASON: /s);
  fake.stdin.write('no use ninja\n');
  await fake.stderr.until('rejected: use ninja');
  daemon.complete(sessionId, 1, 'done');
  fake.stdin.end();
  await ended;
  const answers = daemon.calls.filter(({ method }) => method === 'approval/answer').map(({ params }) => params);
  expect(answers).toMatchObject([{ decision: 'reject', reason: 'use ninja' }]);
});
