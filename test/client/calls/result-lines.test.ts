import { expect, test } from 'vitest';
import { marksFor } from '../../../client/calls/marks.ts';
import { resultLines, resultWords, type ResultView } from '../../../client/calls/result-lines.ts';
import type { ToolResultPart } from '../../../protocol/message.ts';
import type { ToolEffect } from '../../../protocol/tool.ts';

const marks = marksFor({ LANG: 'C.UTF-8' });
const DIFF = '--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,3 @@\n same\n-old\n+new\n+\tmore\n';

function result(part: Partial<ToolResultPart>): ToolResultPart {
  return { type: 'tool-result', callId: 'c1', name: 'bash', output: '', isError: false, ...part };
}

function lines(part: ToolResultPart, effect: ToolEffect | undefined, view: Partial<ResultView> = {}): string[] {
  const whole = { columns: 60, marks, isDiffKnown: false, whole: 'mctl turns output S C', ...view };
  return resultLines(part, effect, whole).map(({ text }) => text);
}

test('a command says how it ended, how long it took and how much it wrote, below its last lines', () => {
  const output = `${Array.from({ length: 10 }, (_, index) => `line ${index + 1}`).join('\n')}\n[exit code 0 after 1.2 s]`;
  expect(lines(result({ output, details: { exitCode: 0, durationMs: 1234 } }), 'command')).toEqual([
    '  … 2 more lines:',
    '  mctl turns output S C',
    ...Array.from({ length: 8 }, (_, index) => `  line ${index + 3}`),
    '  exit 0 · 1.2 s · 10 lines',
  ]);
});

test('a command that failed shows more of its output, in another colour', () => {
  const output = `${'x\n'.repeat(12)}[exit code 2 after 0.0 s]`;
  const shown = resultLines(result({ output, isError: true, details: { exitCode: 2, durationMs: 8 } }), 'command', {
    columns: 60,
    marks,
    isDiffKnown: false,
    whole: '',
  });
  expect(shown).toHaveLength(13);
  expect(shown.at(-1)).toEqual({ text: '  exit 2 · 8 ms · 12 lines', ink: 'red' });
});

test('a command that was ended says so, and what it left behind', () => {
  const output =
    '(no output)\n[ended because its time was over, after 120 s]\n[2 processes that it had left running were ended]';
  expect(lines(result({ output, isError: true, details: { durationMs: 120_000 } }), 'command')).toEqual([
    '  ended because its time was over · 2 min 0 s · no output',
    '  2 processes that it had left running were ended',
  ]);
});

test('an output of which the model was given a part says where all of it is', () => {
  const part = result({
    output: 'x\n[exit code 0 after 0.1 s]',
    details: { exitCode: 0, durationMs: 100, outputBytes: 1_234_567 },
  });
  expect(lines(part, 'command')).toEqual([
    '  … all of it:',
    '  mctl turns output S C',
    '  x',
    '  exit 0 · 100 ms · 1.2 MB of output',
  ]);
});

test('output that wants to command the terminal is shown as text, a row a line, however long', () => {
  const hostile = `\x1b[2J\x1b]0;owned\x07ab\x9b31m\u202egnp\rover\n${'x'.repeat(1_000_000)}\n[exit code 0 after 0.1 s]`;
  const shown = lines(result({ output: hostile, details: { exitCode: 0, durationMs: 100 } }), 'command');
  expect(shown[0]).toBe('  ␛[2J␛]0;owned␇ab�31m�gnp');
  expect(shown[1]).toBe('  over');
  expect(shown[2]).toMatch(/^ {2}x+…$/);
  expect(shown.every((line) => line.length < 60)).toBe(true);
});

test('an edit shows what it changed, unless the person has just allowed exactly that', () => {
  const part = result({ name: 'edit', output: 'changed a.txt', details: { diff: DIFF } });
  expect(lines(part, 'edit')).toEqual(['  +2 −1', '  @@ -1,2 +1,3 @@', '   same', '  -old', '  +new', '  +    more']);
  expect(lines(part, 'edit', { isDiffKnown: true })).toEqual(['  +2 −1']);
  expect(
    resultLines(part, 'edit', { columns: 60, marks, isDiffKnown: false, whole: '' }).map(({ ink }) => ink),
  ).toEqual(['green', 'cyan', 'dim', 'red', 'green', 'green']);
});

test('a long diff is cut, with the way to all of it', () => {
  const diff = `--- /dev/null\n+++ b/a\n@@ -0,0 +1,100 @@\n${'+x\n'.repeat(100)}`;
  const shown = lines(result({ name: 'write', details: { diff } }), 'edit');
  expect(shown).toHaveLength(43);
  expect(shown.slice(-2)).toEqual(['  … 61 more lines:', '  mctl turns output S C']);
});

test('reading says nothing more, an image says what it is, a failure says its first lines', () => {
  expect(lines(result({ name: 'read', output: 'secret' }), 'read')).toEqual([]);
  const images = [{ type: 'image' as const, mediaType: 'image/png', data: '' }];
  expect(lines(result({ name: 'read', images }), 'read')).toEqual(['  1 image for the model (image/png)']);
  expect(lines(result({ name: 'read', output: 'a\nb\nc\nd\ne', isError: true }), 'read')).toEqual([
    '  a',
    '  b',
    '  c',
    '  d',
    '  … 1 more line:',
    '  mctl turns output S C',
  ]);
});

test('a command of which nobody knows how it ended does not pretend to', () => {
  const output = 'This call was interrupted by a crash. Whether it took effect is not known.';
  expect(lines(result({ output, isError: true }), 'command')).toEqual([`  ${output}`]);
});

test('what is past takes a few words', () => {
  expect(resultWords(result({ details: { diff: DIFF } }), marks)).toBe('+2 −1');
  expect(resultWords(result({ details: { diff: DIFF } }), marksFor({}))).toBe('+2 -1');
  const command = result({
    output: 'x\n[exit code 1 after 0.1 s]',
    isError: true,
    details: { exitCode: 1, durationMs: 80 },
  });
  expect(resultWords(command, marks)).toBe('exit 1, 80 ms');
  expect(resultWords(result({ output: 'not\x1bthere\nx', isError: true }), marks)).toBe('failed: not␛there');
  expect(resultWords(result({}), marks)).toBe('');
});
