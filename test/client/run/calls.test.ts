import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { main } from '../../../client/run/main.ts';
import type { ToolResultPart } from '../../../protocol/message.ts';
import type { ApprovalQuestion, CallStart } from '../../../protocol/tool.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';

const RUN: CallStart = { callId: 'c1', name: 'bash', effect: 'command', title: 'run make', paths: [] };
const QUESTION: ApprovalQuestion = {
  callId: 'c1',
  name: 'bash',
  effect: 'command',
  title: 'run make',
  detail: 'make',
  reasons: [],
  scopes: ['once', 'session', 'workspace'],
};
const ASKED = 'allow? [y]es [s]ession [a]lways [n]o [r]eason ';

interface Where {
  readonly isTTY?: boolean;
  readonly isErrorTTY?: boolean;
  /** What is typed at the terminal of a program whose standard input is something else. */
  readonly terminal?: PassThrough;
}

/** A run whose turn is under way and driven by the test. */
async function started(argv: string[], { terminal, ...ttys }: Where = {}) {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { ...ttys, environment: { NO_COLOR: '1', LANG: 'C.UTF-8' } });
  const around = { ...fake.around, openTerminal: () => terminal };
  const ended = main(argv, around);
  await waitUntil('the session', () => daemon.watching([...daemon.sessions.keys()].at(-1) ?? '') > 0);
  const sessionId = [...daemon.sessions.keys()].at(-1) ?? '';
  return {
    ...fake,
    daemon,
    sessionId,
    ended,
    answers: () => daemon.calls.filter(({ method }) => method === 'approval/answer').map(({ params }) => params),
    unattended: () => daemon.calls.find(({ method }) => method === 'turn/submit')?.params,
    lines: () =>
      fake.stdout.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    result: (part: Partial<ToolResultPart>) => {
      const whole = { type: 'tool-result' as const, callId: 'c1', name: 'bash', output: '', isError: false, ...part };
      daemon.emit(sessionId, 'message', 1, { role: 'tool', parts: [whole] });
    },
  };
}

test('a run at a terminal asks on stderr, and takes a line as the answer', async () => {
  const run = await started(['hello'], { isTTY: true });
  expect(run.unattended()).not.toHaveProperty('unattended');
  run.daemon.ask(run.sessionId, 1, QUESTION);
  await run.stderr.until(`? run make\n${ASKED}`);
  run.stdin.write('\nyesterday\n');
  await run.stderr.until(`${ASKED}${ASKED}${ASKED}`);
  run.stdin.write('s\n');
  await run.stderr.until('  allowed in this session\n');
  expect(run.answers()).toMatchObject([{ decision: 'allow', scope: 'session' }]);
  run.daemon.complete(run.sessionId, 1, 'done');
  await expect(run.ended).resolves.toBe(0);
  expect(run.stdout.text).toBe('done\n');
});

test('what was typed before the question is no answer to it', async () => {
  const run = await started(['hello'], { isTTY: true });
  run.stdin.write('y\n');
  run.daemon.ask(run.sessionId, 1, QUESTION);
  await run.stderr.until(ASKED);
  expect(run.answers()).toEqual([]);
  run.stdin.write('r\nuse ninja\n');
  await run.stderr.until('  rejected: use ninja\n');
  expect(run.answers()).toMatchObject([{ decision: 'reject', reason: 'use ninja' }]);
  run.daemon.complete(run.sessionId, 1, 'done');
  await run.ended;
});

test('with something else on standard input the terminal of the program is asked', async () => {
  const terminal = new PassThrough();
  const run = await started(['hello'], { isErrorTTY: true, terminal });
  expect(run.unattended()).not.toHaveProperty('unattended');
  run.daemon.ask(run.sessionId, 1, QUESTION);
  await run.stderr.until(ASKED);
  terminal.write('y\n');
  await run.stderr.until('  allowed once\n');
  run.daemon.complete(run.sessionId, 1, 'done');
  await run.ended;
  expect(terminal.destroyed).toBe(true);
});

test('where stderr is no terminal, or there is none at all, nobody is asked', async () => {
  for (const where of [{ terminal: new PassThrough() }, { isErrorTTY: true }]) {
    const run = await started(['hello'], where);
    expect(run.unattended()).toMatchObject({ unattended: true });
    run.daemon.complete(run.sessionId, 1, 'done');
    await run.ended;
  }
});

test('an answer from elsewhere ends the question', async () => {
  const run = await started(['hello'], { isTTY: true });
  run.daemon.ask(run.sessionId, 1, QUESTION);
  await run.stderr.until(ASKED);
  run.daemon.settle(run.sessionId, 1, { state: 'allowed', callId: 'c1', scope: 'once' });
  await run.stderr.until(`${ASKED}\n  answered elsewhere: allowed once\n`);
  run.daemon.complete(run.sessionId, 1, 'done');
  await expect(run.ended).resolves.toBe(0);
});

test('the end of input answers nothing: the run ends and the question stays', async () => {
  const run = await started(['hello'], { isTTY: true });
  run.daemon.ask(run.sessionId, 1, QUESTION);
  await run.stderr.until(ASKED);
  run.stdin.end();
  await expect(run.ended).resolves.toBe(75);
  expect(run.stderr.text).toContain('nobody answers; the turn waits for an answer; come back with: m -r ');
  expect(run.answers()).toEqual([]);
});

test('without a terminal nobody is asked, and what was refused is said on stderr', async () => {
  const run = await started(['hello']);
  expect(run.unattended()).toMatchObject({ unattended: true });
  run.result({ output: 'Not done: nobody can be asked in this run.\nmore', isError: true });
  run.daemon.complete(run.sessionId, 1, 'done');
  await expect(run.ended).resolves.toBe(0);
  expect(run.stderr.text).toMatch(/^m: bash: Not done: nobody can be asked in this run\.$/m);
  expect(run.stdout.text).toBe('done\n');
});

test('--json tells of calls, questions, answers and output', async () => {
  const run = await started(['--json', 'hello']);
  const { daemon, sessionId } = run;
  daemon.ask(sessionId, 1, QUESTION);
  daemon.settle(sessionId, 1, { state: 'allowed', callId: 'c1', scope: 'once' });
  daemon.emit(sessionId, 'call', 1, RUN);
  daemon.emit(sessionId, 'output', 1, { callId: 'c1', offset: 0, text: 'a\x9b2J' });
  daemon.emit(sessionId, 'output', 1, { callId: 'c1', offset: 100, text: 'b' });
  daemon.emit(sessionId, 'summary', 1, { upTo: 1, text: 't', model: 'demo/offline', automatic: true });
  daemon.emit(sessionId, 'retry', 1, { after: 1 });
  daemon.complete(sessionId, 1, 'done');
  await expect(run.ended).resolves.toBe(0);
  const told = run.lines().filter(({ type }) => !['session', 'message', 'delta'].includes(String(type)));
  expect(told).toEqual([
    { type: 'turn.running', turn: 1 },
    { type: 'approval', turn: 1, state: 'asked', ...QUESTION },
    { type: 'turn.waiting', turn: 1, waitingFor: 'approval' },
    { type: 'approval', turn: 1, state: 'allowed', callId: 'c1', scope: 'once' },
    { type: 'turn.running', turn: 1 },
    { type: 'call', turn: 1, ...RUN },
    { type: 'output', turn: 1, callId: 'c1', text: 'a\x9b2J' },
    { type: 'output', turn: 1, callId: 'c1', text: 'b', missed: true },
    { type: 'summary', turn: 1, automatic: true },
    { type: 'turn.retried', turn: 1 },
    expect.objectContaining({ type: 'turn.completed' }),
  ]);
  expect(run.stdout.text).not.toContain('\x9b');
});

test.each([[['hello']], [['--json', 'hello']]])(
  'an interrupted turn ends %j with 75, the calls nobody knows the end of, and what to do',
  async (argv) => {
    const run = await started(argv);
    const uncertain = [{ callId: 'c1', title: 'run make\x1b[2J' }];
    run.daemon.turn(run.sessionId, 1, { state: 'interrupted', reason: 'crash', uncertain });
    await expect(run.ended).resolves.toBe(75);
    expect(run.stderr.text).toContain('m: not known whether this took effect: run make␛[2J\n');
    expect(run.stderr.text).toContain(`then, in m -r ${run.sessionId}: /continue goes on`);
    if (argv.length > 1) expect(run.lines().at(-1)).toMatchObject({ type: 'turn.interrupted', uncertain });
  },
);

const CAPTURE = { state: 'running', files: 41_200, total: 100_000, ms: 1_000, waits: true } as const;

test('a run at a terminal says every few seconds how far the files are captured', async () => {
  const run = await started(['hello'], { isErrorTTY: true });
  for (const ms of [1_000, 1_500, 4_000]) run.daemon.emit(run.sessionId, 'capture', 1, { ...CAPTURE, ms });
  run.daemon.emit(run.sessionId, 'capture', 1, { ...CAPTURE, state: 'done' });
  run.daemon.complete(run.sessionId, 1, 'done');
  await expect(run.ended).resolves.toBe(0);
  const said = 'm: capturing files: 41,200 of about 100,000\n';
  expect(run.stderr.text.endsWith(`/key\n${said}${said}`)).toBe(true);
});

test('off a terminal a run says nothing of it, and a program is told everything', async () => {
  const quiet = await started(['hello']);
  quiet.daemon.emit(quiet.sessionId, 'capture', 1, CAPTURE);
  quiet.daemon.complete(quiet.sessionId, 1, 'done');
  await expect(quiet.ended).resolves.toBe(0);
  expect(quiet.stderr.text).not.toContain('capturing');
  const program = await started(['--json', 'hello']);
  program.daemon.emit(program.sessionId, 'capture', 1, CAPTURE);
  program.daemon.complete(program.sessionId, 1, 'done');
  await expect(program.ended).resolves.toBe(0);
  expect(program.lines()).toContainEqual({ type: 'capture', turn: 1, ...CAPTURE });
});
