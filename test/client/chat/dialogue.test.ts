import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';
import {
  diffFile,
  diffPage,
  entry,
  plan,
  planWithConflict,
  result,
  summary,
  withRestores,
} from '../../support/snapshot-samples.ts';

const ENTER = '\r';
const ESCAPE = '\x1b';
const CTRL_C = '\x03';
const QUESTION = 'restore 1 file? [y]es [N]o';
const MORE = '-- more -- (Space goes on, q is enough)';

/** A chat on a terminal of 60 by 24, with one finished turn. */
async function open(prepare: (daemon: FakeDaemon) => void = (daemon) => withRestores(daemon, [plan()])) {
  const daemon = new FakeDaemon();
  prepare(daemon);
  const fake = fakeSurroundings(daemon, { isTTY: true, environment: { NO_COLOR: '1', LANG: 'C.UTF-8' } });
  const ended = main([], fake.around);
  onTestFinished(async () => {
    fake.signal('SIGTERM');
    await ended;
    expect(fake.stdout.terminal.unknown).toEqual([]);
  });
  await fake.stdout.untilScreen(/^»/m);
  fake.stdin.write(`hello${ENTER}`);
  await fake.stdout.untilScreen('saved');
  const sessionId = [...daemon.sessions.keys()].at(-1) ?? '';
  return {
    ...fake,
    daemon,
    sessionId,
    type: (keys: string) => void fake.stdin.write(keys),
    sees: async (text: string) => fake.stdout.untilScreen(text),
    ends: async (...lines: string[]) => fake.stdout.untilScreen(lines.join('\n'), 2_000, true),
    calls: (method: string) => daemon.calls.filter((call) => call.method === method),
  };
}

test('a plan is shown, and the question stands where the typed line is', async () => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.ends('  changes        src/a.ts (+1 -3)', QUESTION);
  chat.type('y');
  await chat.ends(
    `${QUESTION} y`,
    '1 file restored',
    'the files from before turn 1 are back; /undo takes it back',
    '»',
  );
  expect(chat.calls('restore/apply')).toHaveLength(1);
});

test.each([
  ['n', 'n'],
  ['Enter', ENTER],
  ['Escape', ESCAPE],
  ['Ctrl+C', CTRL_C],
])('%s changes nothing', async (_name, key) => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  chat.type(key);
  await chat.ends(`${QUESTION} n`, 'nothing was changed', '»');
  expect(chat.calls('restore/apply')).toEqual([]);
});

test('what was typed before the question could be read stays in the typed line; a paste is no answer', async () => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.sees('changes        src/a.ts');
  chat.type('y');
  await chat.ends(QUESTION);
  chat.type('\x1b[200~y\x1b[201~');
  chat.type('yes');
  chat.type('n');
  await chat.ends('nothing was changed', '» y');
  expect(chat.calls('restore/apply')).toEqual([]);
});

test('who types the whole word of an answer, with Enter, has typed no prompt', async () => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  for (const key of ['y', 'e', 's', ENTER]) chat.type(key);
  await chat.ends('the files from before turn 1 are back; /undo takes it back', '»');
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  for (const key of ['n', ENTER]) chat.type(key);
  chat.type('is typed');
  await chat.ends('nothing was changed', '» is typed');
  expect(chat.calls('turn/submit')).toHaveLength(1);
});

test('what follows an answer and is another word is typed, with its first letters', async () => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  for (const key of ['y', 'e', 's', 'c', 'a', 'p', 'e']) chat.type(key);
  await chat.ends('the files from before turn 1 are back; /undo takes it back', '» escape');
  chat.type('\x7f'.repeat(6));
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  for (const key of ['y', 'e']) chat.type(key);
  await chat.ends('the files from before turn 1 are back; /undo takes it back', '» e');
});

test('conflicts are asked about first, and what is overwritten is planned again', async () => {
  const chat = await open((daemon) => withRestores(daemon, [planWithConflict(), plan()]));
  chat.type(`/restore 1${ENTER}`);
  await chat.sees('1 file changed by the session and others: [K]eep them');
  await chat.sees('both.txt: changed by the session, and by you or others');
  chat.type('o');
  await chat.ends('with 1 file overwritten: 1 file: 1 changed', QUESTION);
  chat.type('y');
  await chat.sees('1 file restored');
  expect(chat.calls('restore/plan').at(-1)?.params).toMatchObject({ overwrite: ['both.txt'] });
});

test('a question about a call waits until the restore is decided', async () => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  chat.daemon.begin(chat.sessionId, 2, 'elsewhere');
  chat.daemon.ask(chat.sessionId, 2, {
    callId: 'c1',
    name: 'bash',
    effect: 'command',
    title: 'run make',
    detail: 'make',
    reasons: [],
    scopes: ['once'],
  });
  await chat.sees('? run make');
  // In this time the question about the call would have opened.
  const seenAt = performance.now();
  await waitUntil('the time that a question takes to open', () => performance.now() > seenAt + 400);
  await chat.ends(QUESTION);
  chat.type('n');
  await chat.sees('allow? [y]');
  expect(chat.calls('approval/answer')).toEqual([]);
});

test('a long difference is shown a screen at a time, and is enough when the person says so', async () => {
  const files = Array.from({ length: 40 }, (_, index) => diffFile({ path: `file-${index}` }));
  const chat = await open((daemon) => {
    daemon.overrides['snapshot/diff'] = ({ offset = 0 }: { offset?: number }) =>
      diffPage(files.slice(offset, offset + 10), { total: 40, nextOffset: offset < 30 ? offset + 10 : null });
    daemon.overrides['turn/list'] = () => ({ turns: [], more: false });
  });
  chat.type(`/diff 1${ENTER}`);
  await chat.ends(MORE);
  expect(chat.stdout.terminal.screen).toContain('changed file-0');
  expect(chat.calls('snapshot/diff')).toHaveLength(1);
  chat.type(' ');
  await chat.sees('changed file-4');
  await chat.ends(MORE);
  chat.type('q');
  chat.type(`/turns${ENTER}`);
  await chat.ends('no turn yet', '»');
  expect(chat.stdout.text).not.toContain('file-39');
});

test('a difference that fits is shown without a question', async () => {
  const chat = await open((daemon) => {
    daemon.overrides['snapshot/diff'] = () => diffPage([diffFile()]);
  });
  chat.type(`/diff 1${ENTER}`);
  await chat.ends(' one', '-two', '+three', '»');
});

test('the typed line is given back with what stood in it, and /rewind puts the prompt there', async () => {
  const chat = await open();
  chat.daemon.reply(chat.sessionId, 1, 'more');
  chat.type(`next${ENTER}`);
  await waitUntil('two turns', () => chat.daemon.sessions.get(chat.sessionId)?.session.turns === 2);
  await chat.sees('You said: next');
  chat.type(`/rewind 2${ENTER}`);
  await chat.ends(QUESTION);
  chat.type('y');
  await chat.ends('/undo takes the files back', '» next');
});

test('a turn that changed files says so in one line, and so does one that cannot be taken back', async () => {
  const chat = await open();
  chat.daemon.begin(chat.sessionId, 2, 'x');
  chat.daemon.emit(chat.sessionId, 'snapshot', 2, entry());
  await chat.sees('2 files changed (+10 -3, 1 by shell) · /diff 2 · /restore 2');
  chat.daemon.emit(
    chat.sessionId,
    'snapshot',
    3,
    entry({ files: 0, restorable: false, reason: 'the disk is\x1b full' }),
  );
  await chat.sees('not restorable: the disk is␛ full');
  chat.daemon.emit(chat.sessionId, 'snapshot', 4, entry({ files: 0 }));
  chat.daemon.complete(chat.sessionId, 4, 'done');
  await chat.sees('done');
  expect(chat.stdout.text).not.toContain('/diff 4');
});

test('the line is there again for somebody who comes back', async () => {
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession();
  daemon.begin(sessionId, 1, 'hello');
  daemon.emit(sessionId, 'snapshot', 1, entry());
  daemon.complete(sessionId, 1, 'done');
  const fake = fakeSurroundings(daemon, { isTTY: true, environment: { NO_COLOR: '1', LANG: 'C.UTF-8' } });
  const ended = main(['-r', sessionId], fake.around);
  await fake.stdout.untilScreen('2 files changed (+10 -3, 1 by shell) · /diff 1');
  await fake.stdout.untilScreen(/^»$/m);
  fake.signal('SIGTERM');
  await ended;
});

/** Chat in a pipe, from the first line to the last. */
async function pipe(input: string, prepare: (daemon: FakeDaemon) => void, environment: NodeJS.ProcessEnv = {}) {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/list'] = () => ({ turns: [summary(1)], more: false });
  prepare(daemon);
  const fake = fakeSurroundings(daemon, { input, environment, isTTY: environment['TERM'] === 'dumb' });
  const code = await main([], fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text, daemon };
}

test.each([
  ['all is well', [plan()], result(), 0],
  ['a conflict is kept', [planWithConflict()], result({ kept: 1, conflicts: 1 }), 5],
  ['a file could not be restored', [plan()], result({ left: 1 }), 1],
])('in a pipe nobody is asked, and the exit code says that %s', async (_what, plans, restored, code) => {
  const ended = await pipe('hello\n/restore 1\n', (daemon) => withRestores(daemon, plans, restored));
  expect(ended.out).toContain('the files from before turn 1');
  expect(ended.daemon.calls.map(({ method }) => method)).toContain('restore/apply');
  expect(ended.code).toBe(code);
});

test('in a pipe a restore that is refused ends the program with the code of the refusal', async () => {
  const ended = await pipe('/restore 1\n', () => {});
  expect(ended).toMatchObject({ code: 1, out: expect.stringContaining('error: there is nothing to restore yet') });
});

test('in a pipe a difference is printed as it is, without any paging', async () => {
  const files = Array.from({ length: 40 }, (_, index) => diffFile({ path: `file-${index}` }));
  const { out, code } = await pipe('hello\n/diff\n', (daemon) => {
    daemon.overrides['snapshot/diff'] = () => diffPage(files);
  });
  expect(out).toContain('changed file-39');
  expect({ code, hasMarker: out.includes('more --') }).toEqual({ code: 0, hasMarker: false });
});

test('a terminal without cursor movement asks with a line', async () => {
  const prepare = (daemon: FakeDaemon): void => withRestores(daemon, [plan()]);
  const no = await pipe('hello\n/restore 1\n\n', prepare, { TERM: 'dumb' });
  expect(no.out).toContain(`${QUESTION} nothing was changed`);
  const yes = await pipe('hello\n/restore 1\nyes\n', prepare, { TERM: 'dumb' });
  expect(yes.out).toContain(`${QUESTION} 1 file restored`);
});

test('a passphrase that is asked for takes the place of the question, and gives it back', async () => {
  const chat = await open();
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(QUESTION);
  chat.daemon.status({ state: 'reconnecting', reason: 'the daemon closed the connection' });
  chat.daemon.lock.lockBy('yyy');
  chat.daemon.status({ state: 'connected' });
  await chat.ends('passphrase:');
  chat.type(`yyy${ENTER}`);
  await chat.ends('unlocked', QUESTION);
  expect(chat.calls('restore/apply')).toEqual([]);
  chat.type('y');
  await chat.sees('1 file restored');
});

test('a plan of thousands of files is looked at for as long as one likes, and then asked about', async () => {
  const files = Array.from({ length: 2_000 }, (_, index) => ({ ...plan().files[0]!, path: `src/file-${index}.ts` }));
  const chat = await open((daemon) => withRestores(daemon, [plan({ files, filesMore: 3_000 })]));
  chat.type(`/restore 1${ENTER}`);
  await chat.ends(MORE);
  chat.type(ENTER);
  await chat.sees('src/file-30.ts');
  await chat.ends(MORE);
  chat.type('q');
  await chat.ends('restore 5000 files? [y]es [N]o');
  expect(chat.stdout.text).not.toContain('file-1999');
});
