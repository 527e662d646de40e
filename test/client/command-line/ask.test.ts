import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { ask, askSecretly, canAsk } from '../../../client/command-line/ask.ts';
import { MAX_SECRET_BYTES, SecretLine } from '../../../client/command-line/secret-line.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

function typed(...chunks: (string | Buffer)[]): { text: string; end: string | undefined; rest: string } {
  const line = new SecretLine();
  let ended: ReturnType<SecretLine['push']>;
  for (const chunk of chunks) ended ??= line.push(Buffer.from(chunk));
  return { text: line.take().toString('utf8'), end: ended?.end, rest: ended?.rest.toString('utf8') ?? '' };
}

test.each([
  ['a word', ['secret\r'], 'secret'],
  ['a word in pieces', ['se', 'cr', 'et', '\r'], 'secret'],
  [
    'letters of several bytes, cut anywhere',
    [Buffer.from('pä').subarray(0, 2), Buffer.from('ä').subarray(1), 's\n'],
    'päs',
  ],
  ['a letter of several bytes taken back whole', ['pä\x7fa\r'], 'pa'],
  ['an emoji taken back whole', ['a🔑\x08b\r'], 'ab'],
  ['more taken back than there is', ['a\x7f\x7f\x7fb\r'], 'b'],
  ['everything taken back', ['wrong\x15right\r'], 'right'],
  ['arrow keys and function keys between letters', ['a\x1b[Ab\x1b[1;5Cc\x1bOPd\x1b[15~e\r'], 'abcde'],
  ['a paste between its markers', ['\x1b[200~pasted\x1b[201~\r'], 'pasted'],
  ['a sequence in pieces', ['a\x1b', '[', '1;', '5C', 'b\r'], 'ab'],
  ['other control characters', ['a\x01\x0b\x00b\r'], 'ab'],
])('%s is typed as it is meant', (_what, chunks, expected) => {
  expect(typed(...chunks)).toMatchObject({ text: expected, end: 'enter' });
});

test('what comes behind the line is left for others', () => {
  expect(typed('one\r\ntwo')).toEqual({ text: 'one', end: 'enter', rest: 'two' });
  expect(typed('one\n\ntwo')).toMatchObject({ rest: '\ntwo' });
});

test('Ctrl+C ends the line, Ctrl+D only an empty one', () => {
  expect(typed('abc\x03').end).toBe('interrupt');
  expect(typed('\x04').end).toBe('end');
  expect(typed('abc\x04\r')).toMatchObject({ text: 'abc', end: 'enter' });
});

test('a line without end is cut, and nothing of a line is kept after it was taken', () => {
  expect(typed('x'.repeat(3 * MAX_SECRET_BYTES), '\r').text).toHaveLength(MAX_SECRET_BYTES);
  const line = new SecretLine();
  line.push(Buffer.from('secret\r'));
  line.take();
  expect(line.take()).toHaveLength(0);
});

test('questions that are answered in one go get an answer each, in order', async () => {
  const { around, stderr } = fakeSurroundings(new FakeDaemon(), { isTTY: true, input: 'plain\nsecret\rother\r' });
  expect(await ask(around, 'first? ')).toBe('plain');
  expect((await askSecretly(around, 'second? ')).toString()).toBe('secret');
  expect((await askSecretly(around, 'third? ')).toString()).toBe('other');
  expect(stderr.text).toBe('first? second? \nthird? \n');
});

test('a secret is asked for in raw mode, and the terminal is put back also when it is refused', async () => {
  const { around, rawModes } = fakeSurroundings(new FakeDaemon(), { isTTY: true, input: 'abc\x03' });
  await expect(askSecretly(around, 'secret? ')).rejects.toMatchObject({ kind: 'CANCELLED' });
  expect(rawModes).toEqual([true, false]);
});

test('the end of input is no answer', async () => {
  const ended = () => fakeSurroundings(new FakeDaemon(), { isTTY: true, input: '' }).around;
  expect(await ask(ended(), '? ')).toBe('');
  await expect(askSecretly(ended(), '? ')).rejects.toMatchObject({ kind: 'CANCELLED' });
});

test('nobody is asked where the question would not be seen, or the answer is not typed', () => {
  const terminal = fakeSurroundings(new FakeDaemon(), { isTTY: true }).around;
  const pipe = fakeSurroundings(new FakeDaemon()).around;
  expect(canAsk(terminal)).toBe(true);
  expect(canAsk({ ...terminal, stdin: new PassThrough() })).toBe(false);
  expect(canAsk({ stdin: terminal.stdin, stderr: pipe.stderr })).toBe(false);
});
