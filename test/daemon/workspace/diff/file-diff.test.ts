import { expect, test } from 'vitest';
import { fileDiff } from '../../../../daemon/workspace/diff/file-diff.ts';
import { file, link, program, stateOf } from '../restore/support/restore-rig.ts';
import { MemoryObjects, type SampleFile } from '../support/memory-objects.ts';

function compared(before: SampleFile | undefined, after: SampleFile | undefined, limits = { bytes: 1000, context: 3 }) {
  const objects = new MemoryObjects();
  for (const sample of [before, after])
    if (sample !== undefined) objects.write('blob', Buffer.from(sample.content, 'latin1'));
  return fileDiff(objects, { path: 'p', before: stateOf(before), after: stateOf(after) }, limits);
}

test('lines that were added and removed are counted and shown', () => {
  expect(compared(file('a\nb\nc\n'), file('a\nB\nc\nd\n'))).toMatchObject({
    path: 'p',
    change: 'changed',
    content: 'text',
    added: 2,
    removed: 1,
    bytesBefore: 6,
    bytesAfter: 8,
    hunks: [{ oldStart: 1, oldLines: 3, newStart: 1, newLines: 4 }],
  });
});

test('a file that comes or goes is all added or all removed', () => {
  expect(compared(undefined, file('a\nb'))).toMatchObject({
    change: 'added',
    added: 2,
    removed: 0,
    bytesBefore: undefined,
  });
  expect(compared(file('a\nb'), undefined)).toMatchObject({
    change: 'deleted',
    added: 0,
    removed: 2,
    bytesAfter: undefined,
  });
  expect(compared(undefined, file(''))).toMatchObject({ content: 'text', added: 0, hunks: [] });
});

test('a line that only lacks its end differs', () => {
  expect(compared(file('a\n'), file('a')).hunks[0]?.lines).toEqual([
    { kind: '-', text: 'a' },
    { kind: '+', text: 'a', unended: true },
  ]);
});

test.each([
  ['binary', file('a\0b'), file('ab')],
  ['large', file('a'.repeat(1001)), file('a')],
  ['none', file('a'), program('a')],
  ['symlink', link('a'), link('b')],
  ['symlink', undefined, link('b')],
  ['text', file('a\n'), link('b')],
] as const)('the content is told to be %s', (content, before, after) => {
  const diff = compared(before, after);
  expect(diff.content).toBe(content);
  expect(diff.hunks.length).toBe(content === 'text' || content === 'symlink' ? 1 : 0);
});

test('what is not UTF-8 is compared by bytes and shown as far as it can be', () => {
  const diff = compared(file('\xc3\xa4\n\xff\n'), file('\xc3\xa4\n\xfe\n'));
  expect(diff.hunks[0]?.lines.map(({ kind, text }) => kind + text)).toEqual([' ä', '-\ufffd', '+\ufffd']);
});
