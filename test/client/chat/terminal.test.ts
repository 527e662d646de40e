import { expect, onTestFinished, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings, type FakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';

interface Terminal extends FakeSurroundings {
  readonly daemon: FakeDaemon;
  /** The session made last. */
  readonly sessionId: string;
  readonly ended: Promise<number>;
  type(keys: string): void;
  /** Waits until the screen below the greeting is exactly this. */
  shows(...lines: string[]): Promise<void>;
}

const ENTER = '\r';
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const UP = '\x1b[A';

/** A chat on a terminal in memory, 60 columns wide, at its prompt. */
async function open(daemon = new FakeDaemon(), argv: string[] = []): Promise<Terminal> {
  const fake = fakeSurroundings(daemon, { isTTY: true, environment: { NO_COLOR: '1' } });
  const ended = main(argv, fake.around);
  onTestFinished(async () => {
    fake.signal('SIGTERM');
    await ended;
    expect(fake.stdout.terminal.unknown).toEqual([]);
  });
  await fake.stdout.untilScreen(/^»|^number or id/m);
  return {
    ...fake,
    daemon,
    ended,
    get sessionId() {
      return [...daemon.sessions.keys()].at(-1) ?? '';
    },
    type: (keys) => void fake.stdin.write(keys),
    shows: async (...lines) => fake.stdout.untilScreen(`/data/key\n${lines.join('\n')}`, 2_000, true),
  };
}

/** A chat whose first turn is under way, with some text on the screen. */
async function openWithTurn(text = 'one '): Promise<Terminal> {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const chat = await open(daemon);
  chat.type(`hello${ENTER}`);
  await chat.stdout.untilScreen('» hello');
  daemon.delta(chat.sessionId, 1, text);
  await chat.shows('» hello', text.trimEnd());
  return chat;
}

/** The line that says how to come back, as it wraps. */
function goesOn({ sessionId }: Terminal): string[] {
  return [`turn 1 goes on; come back with: m -r ${sessionId.slice(0, -3)}`, sessionId.slice(-3)];
}

test('a prompt is answered below itself and marked as saved once it is durable', async () => {
  const chat = await open();
  chat.type(`hello${ENTER}`);
  await chat.shows('» hello', 'You said: hello', 'saved', '»');
});

test('text streams as it comes, and nothing is marked as saved before the turn is', async () => {
  const chat = await openWithTurn();
  chat.daemon.delta(chat.sessionId, 1, 'two');
  await chat.shows('» hello', 'one two');
  chat.daemon.complete(chat.sessionId, 1, 'one two three');
  await chat.shows('» hello', 'one two three', 'saved', '»');
});

test('what is typed while a turn streams stays below the text and is there when the turn has ended', async () => {
  const chat = await openWithTurn();
  chat.type('next');
  await chat.shows('» hello', 'one', '» next');
  chat.daemon.delta(chat.sessionId, 1, `${'x'.repeat(70)} two`);
  await chat.shows('» hello', `one ${'x'.repeat(56)}`, `${'x'.repeat(14)} two`, '» next');
  chat.daemon.complete(chat.sessionId, 1, `one ${'x'.repeat(70)} two`);
  await chat.shows('» hello', `one ${'x'.repeat(56)}`, `${'x'.repeat(14)} two`, 'saved', '» next');
});

test('text that ends exactly at the edge of the terminal goes on below it', async () => {
  const chat = await openWithTurn('x'.repeat(60));
  chat.type('n');
  await chat.shows('» hello', 'x'.repeat(60), '» n');
  chat.daemon.delta(chat.sessionId, 1, 'yz');
  await chat.shows('» hello', 'x'.repeat(60), 'yz', '» n');
});

test('wide characters and accents are counted as the terminal counts them', async () => {
  const chat = await openWithTurn('日本語 é e\u0301 ');
  chat.type('n');
  chat.daemon.delta(chat.sessionId, 1, 'end');
  await chat.shows('» hello', '日本語 é e\u0301 end', '» n');
});

test('a long typed line survives text that arrives above it', async () => {
  const chat = await openWithTurn();
  chat.type('w'.repeat(100));
  await chat.shows('» hello', 'one', `» ${'w'.repeat(58)}`, 'w'.repeat(42));
  chat.daemon.delta(chat.sessionId, 1, 'two\nthree');
  await chat.shows('» hello', 'one two', 'three', `» ${'w'.repeat(58)}`, 'w'.repeat(42));
});

test('a prompt given during a turn is queued, says so, and stands in the transcript when its turn comes', async () => {
  const chat = await openWithTurn();
  chat.type(`next${ENTER}`);
  await chat.shows('» hello', 'one', '[queued (1 before it)]');
  chat.daemon.complete(chat.sessionId, 1, 'one');
  await chat.shows('» hello', 'one', 'saved', '» next');
  chat.daemon.complete(chat.sessionId, 2, 'two');
  await chat.shows('» hello', 'one', 'saved', '» next', 'two', 'saved', '»');
});

test('status and typed line both stand below the text, and both are found again', async () => {
  const chat = await openWithTurn();
  chat.type(`next${ENTER}`);
  await chat.stdout.untilScreen('queued');
  chat.type('w'.repeat(70));
  await chat.shows('» hello', 'one', '[queued (1 before it)]', `» ${'w'.repeat(58)}`, 'w'.repeat(12));
  chat.daemon.delta(chat.sessionId, 1, 'two');
  await chat.shows('» hello', 'one two', '[queued (1 before it)]', `» ${'w'.repeat(58)}`, 'w'.repeat(12));
});

test('a queued prompt that is cancelled says so once', async () => {
  const chat = await openWithTurn();
  chat.type(`next${ENTER}`);
  await chat.stdout.untilScreen('queued');
  chat.daemon.emit(chat.sessionId, 'queue', 2, { state: 'cancelled', ahead: 1, parts: [] });
  await chat.shows('» hello', 'one', '[cancelled, before it began: next]');
  chat.daemon.emit(chat.sessionId, 'turn', 2, { state: 'cancelled' });
  chat.daemon.complete(chat.sessionId, 1, 'one two');
  await chat.shows('» hello', 'one', '[cancelled, before it began: next]', 'two', 'saved', '»');
});

test('a prompt that is long on its way says so', async () => {
  const chat = await open();
  let refuse: (error: Error) => void = () => {};
  chat.daemon.overrides['turn/submit'] = () => new Promise((_resolve, reject) => (refuse = reject));
  chat.type(`hello${ENTER}`);
  await chat.shows('[sending]');
  refuse(new ProtocolError('STORAGE_FULL', 'the disk is full'));
  await chat.shows('not sent: the disk is full', '» hello');
});

test('a prompt that was refused is not taken for one that another terminal gives later', async () => {
  const chat = await open();
  chat.type(`first${ENTER}`);
  await chat.stdout.untilScreen('saved');
  chat.daemon.overrides['turn/submit'] = () => {
    throw new ProtocolError('STORAGE_FULL', 'the disk is full');
  };
  chat.type(`same${ENTER}`);
  await chat.stdout.untilScreen(/» same$/);
  chat.daemon.submitElsewhere(chat.sessionId, 'same');
  await chat.stdout.untilScreen('[from another terminal]');
});

test('a session that is deleted elsewhere is left, and the next prompt begins another', async () => {
  const chat = await open();
  chat.type(`first${ENTER}`);
  await chat.stdout.untilScreen('saved');
  const { sessionId } = chat;
  chat.daemon.emit(sessionId, 'deleted', 0, {});
  await chat.stdout.untilScreen('[the session was deleted]\n»');
  chat.type(`second${ENTER}`);
  await chat.stdout.untilScreen('You said: second\nsaved');
  expect(chat.sessionId).not.toBe(sessionId);
});

test('Ctrl+C cancels the running turn and keeps what was typed', async () => {
  const chat = await openWithTurn();
  chat.type(`next${CTRL_C}`);
  await chat.shows('» hello', 'one', '[cancelled]', '» next');
});

test('Ctrl+C clears a typed line when nothing runs, and hints when there is none', async () => {
  const chat = await open();
  chat.type('abc');
  await chat.shows('» abc');
  chat.type(CTRL_C);
  await chat.shows('»');
  chat.type(CTRL_C);
  await chat.shows('(Ctrl+D leaves, /help lists what can be typed)', '»');
});

test('Ctrl+D leaves a turn running and says how to come back', async () => {
  const chat = await openWithTurn();
  chat.type(CTRL_D);
  expect(await chat.ended).toBe(0);
  await chat.shows('» hello', 'one', ...goesOn(chat));
  expect(chat.daemon.calls.some(({ method }) => method === 'turn/cancel')).toBe(false);
});

test.each(['SIGTERM', 'SIGHUP'])('%s leaves like Ctrl+D', async (signal) => {
  const chat = await openWithTurn();
  chat.type('half a line');
  await chat.stdout.untilScreen('half a line');
  chat.signal(signal);
  expect(await chat.ended).toBe(0);
  await chat.shows('» hello', 'one', ...goesOn(chat));
  expect(chat.stdout.text.endsWith(`${chat.sessionId}\n`)).toBe(true);
  expect(chat.stdout.text).toContain('\x1b[?2004l');
});

test('three quotes open and close a prompt of several lines', async () => {
  const chat = await open();
  chat.type(`"""${ENTER}first${ENTER}/second${ENTER}"""${ENTER}`);
  await chat.shows('» """', '… first', '… /second', '… """', 'You said: first', '/second', 'saved', '»');
});

test('Ctrl+C drops an open block', async () => {
  const chat = await open();
  chat.type(`"""${ENTER}first${ENTER}${CTRL_C}`);
  await chat.shows('» """', '… first', '(the block was dropped)', '»');
  chat.type(`hello${ENTER}`);
  await chat.stdout.untilScreen('You said: hello');
});

test('pasted lines are one prompt, sent by Enter, and may be edited before', async () => {
  const chat = await open();
  chat.type('see: ');
  chat.type('\x1b[200~one\r\ntwo\rthree\x1b[201~');
  await chat.shows('» see: one⏎two⏎three');
  chat.type(`!${ENTER}`);
  await chat.shows('» see: one', '  two', '  three!', 'You said: see: one', 'two', 'three!', 'saved', '»');
});

test('a paste that arrives in pieces is still one paste', async () => {
  const chat = await open();
  for (const piece of ['\x1b[20', '0~a\n', 'b\x1b[2', '01', `~${ENTER}`]) chat.type(piece);
  await chat.shows('» a', '  b', 'You said: a', 'b', 'saved', '»');
});

test('a long paste stands as a label and is sent whole', async () => {
  const chat = await open();
  const pasted = Array.from({ length: 120 }, (_, index) => `line ${index}`).join('\n');
  let seen = '';
  chat.daemon.answer = (prompt) => {
    seen = prompt;
    return 'ok';
  };
  chat.type(`\x1b[200~${pasted}\x1b[201~`);
  await chat.shows('» [pasted 120 lines, #1]');
  chat.type(` and more${ENTER}`);
  await chat.stdout.untilScreen('saved');
  expect(seen).toBe(`${pasted} and more`);
});

test('the arrow keys bring back whole prompts of this chat and of earlier ones', async () => {
  const daemon = new FakeDaemon();
  daemon.history.push('typed before\nin two lines');
  const chat = await open(daemon);
  chat.type(`"""${ENTER}first${ENTER}second${ENTER}"""${ENTER}`);
  await chat.stdout.untilScreen('saved');
  chat.type(UP);
  await chat.stdout.untilScreen(/» first⏎second$/);
  chat.type(UP);
  await chat.stdout.untilScreen(/» typed before⏎in two lines$/);
  expect(daemon.history[0]).toBe('first\nsecond');
});

test('what is typed is remembered with the session it was typed in, the first prompt of one included', async () => {
  const chat = await open();
  for (const text of ['/help', 'first', 'second', '/rename a secret']) {
    chat.type(`${text}${ENTER}`);
    await waitUntil('the line is kept', () => chat.daemon.history[0] === text);
  }
  const first = chat.sessionId;
  chat.type(`/reset${ENTER}/help${ENTER}`);
  await waitUntil('the line is kept', () => chat.daemon.history[0] === '/help');
  chat.type(`third${ENTER}`);
  await waitUntil('the line is kept', () => chat.daemon.history[0] === 'third');
  expect(chat.daemon.history.toReversed()).toEqual([
    '/help',
    'first',
    'second',
    '/rename a secret',
    '/reset',
    '/help',
    'third',
  ]);
  const second = chat.sessionId;
  expect(chat.daemon.typedIn.toReversed()).toEqual([undefined, first, first, first, first, undefined, second]);
  expect(second).not.toBe(first);
});

test('a prompt that is given twice is one step for the arrow keys', async () => {
  const chat = await open();
  for (const text of ['other', 'same', 'same']) {
    chat.type(`${text}${ENTER}`);
    await chat.stdout.untilScreen(new RegExp(`You said: ${text}\\nsaved\\n»$`));
  }
  chat.type(`${UP}${UP}`);
  await chat.stdout.untilScreen(/» other$/);
});

test('what another terminal says in the same session appears above the line being typed', async () => {
  const chat = await open();
  chat.type(`hello${ENTER}`);
  await chat.stdout.untilScreen('saved');
  chat.daemon.answer = null;
  chat.type('half a line');
  chat.daemon.submitElsewhere(chat.sessionId, 'from afar');
  chat.daemon.delta(chat.sessionId, 2, 'far an');
  await chat.shows(
    '» hello',
    'You said: hello',
    'saved',
    '» from afar',
    '[from another terminal]',
    'far an',
    '» half a line',
  );
  chat.daemon.complete(chat.sessionId, 2, 'far answer');
  await chat.stdout.untilScreen('far answer\nsaved\n» half a line');
});

test('a lost connection is one line that goes again, and no character is missing or doubled', async () => {
  const chat = await openWithTurn();
  chat.daemon.status({ state: 'reconnecting', reason: 'the daemon is gone' });
  await chat.shows('» hello', 'one', '[reconnecting: the daemon is gone]');
  chat.daemon.status({ state: 'connected' });
  chat.daemon.resume(chat.sessionId, { turn: 1, step: 1, text: 'one two ', reasoning: '' });
  chat.daemon.delta(chat.sessionId, 1, 'three');
  await chat.shows('» hello', 'one two three');
});

test('a reply that a crash cut off says so, and the next attempt stands below it', async () => {
  const chat = await openWithTurn();
  const text = [{ type: 'text' as const, text: 'one' }];
  chat.daemon.emit(chat.sessionId, 'cutoff', 1, { step: 1, parts: text, reason: 'crash' });
  chat.daemon.complete(chat.sessionId, 1, 'another');
  await chat.shows('» hello', 'one', '[cut off: the daemon was restarted; continuing]', 'another', 'saved', '»');
});

test('text that is not saved says so, with the reason, until it is', async () => {
  const chat = await openWithTurn();
  chat.daemon.emit(chat.sessionId, 'storage', 0, { state: 'unsaved', reason: 'the disk is full' });
  await chat.shows('» hello', 'one', 'NOT SAVED: the disk is full', '[NOT SAVED: the disk is full]');
  chat.daemon.emit(chat.sessionId, 'storage', 0, { state: 'saved', reason: '' });
  await chat.shows('» hello', 'one', 'NOT SAVED: the disk is full', 'saved again');
});

test('a turn that waits says why and when it tries again', async () => {
  const chat = await openWithTurn();
  const retryAt = new Date(2025, 6, 4, 12, 30, 5).toISOString();
  const error = { kind: 'UNREACHABLE' as const, message: 'nobody listens at 127.0.0.1:8080', hint: '' };
  chat.daemon.turn(chat.sessionId, 1, { state: 'waiting', waitingFor: 'backend', retryAt, error });
  await chat.shows(
    '» hello',
    'one',
    '[waiting for the model, next attempt at 2025-07-04 12:30: n',
    'obody listens at 127.0.0.1:8080]',
    '»',
  );
});

test('a failed turn shows message and hint', async () => {
  const chat = await openWithTurn();
  const error = { kind: 'REFUSED' as const, message: 'the provider refuses the key', hint: 'Run mctl config set-key.' };
  chat.daemon.turn(chat.sessionId, 1, { state: 'failed', error });
  await chat.shows('» hello', 'one', 'turn failed: the provider refuses the key', '  Run mctl config set-key.', '»');
});

test('a prompt that is not accepted goes back into the line', async () => {
  const chat = await open();
  chat.daemon.overrides['turn/submit'] = () => {
    throw new ProtocolError('STORAGE_FULL', 'the disk is full', { hint: 'Make room.' });
  };
  chat.type(`hello${ENTER}`);
  await chat.shows('not sent: the disk is full', '  Make room.', '» hello');
});

test('escape sequences of model, prompt, title and errors are shown and not obeyed', async () => {
  const hostile = '\x1b[2J\x1b]0;owned\x07\x9b31m\r';
  const chat = await openWithTurn();
  chat.daemon.delta(chat.sessionId, 1, hostile);
  chat.daemon.complete(chat.sessionId, 1, `one ${hostile}`);
  chat.daemon.submitElsewhere(chat.sessionId, hostile);
  const error = { kind: 'REFUSED' as const, message: hostile, hint: hostile };
  chat.daemon.turn(chat.sessionId, 2, { state: 'failed', error });
  await chat.stdout.untilScreen('turn failed:');
  // eslint-disable-next-line no-control-regex
  const said = chat.stdout.text.replaceAll(/\x1b\[(?:\d*[AGJ]|\?2004[hl])|[\n\t\r]/g, '');
  expect(said).not.toMatch(/\p{Cc}/u);
  expect(chat.stdout.terminal.screen).toContain('␛[2J␛]0;owned␇�31m␍');
});

test('-r without an id lists and asks', async () => {
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession();
  daemon.begin(sessionId, 1, 'old prompt');
  daemon.complete(sessionId, 1, 'old answer');
  const chat = await open(daemon, ['-r']);
  chat.type(`1${ENTER}`);
  await chat.stdout.untilScreen('resumed session _autosave (2 messages, demo/offline)\n» old prompt\nold answer\n»');
});

test('/exit leaves, also while a turn runs', async () => {
  const chat = await openWithTurn();
  chat.type(`/exit${ENTER}`);
  expect(await chat.ended).toBe(0);
  await chat.stdout.untilScreen('turn 1 goes on; come back with: m -r');
});

test('/exit does not wait for a prompt that is stuck on its way', async () => {
  const chat = await open();
  chat.daemon.overrides['turn/submit'] = () => new Promise(() => {});
  chat.type(`hello${ENTER}`);
  await chat.shows('[sending]');
  chat.type(`/exit${ENTER}`);
  expect(await chat.ended).toBe(0);
});

test('a terminal that nobody reads any more ends the chat quietly', async () => {
  const chat = await openWithTurn();
  chat.stdout.emit('error', Object.assign(new Error('write EIO'), { code: 'EIO' }));
  expect(await chat.ended).toBe(0);
});
