import { expect, test } from 'vitest';
import { diffLines, FOR_PATCH } from '../../../client/files/diff-lines.ts';
import { diffPages, diffText } from '../../../client/files/diff-pages.ts';
import { readDiffWish } from '../../../client/files/diff-wish.ts';
import type { DiffFile } from '../../../protocol/snapshot.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { diffFile, diffPage } from '../../support/snapshot-samples.ts';

function text(file: DiffFile): string[] {
  return diffLines(file).map((line) => line.text);
}

test('a changed text is a unified diff under a heading, each kind of line in its colour', () => {
  expect(diffLines(diffFile({ by: 'shell' }))).toEqual([
    { text: 'changed src/a.ts (+1 -1, by shell)', ink: 'bold' },
    { text: '--- a/src/a.ts', ink: 'dim' },
    { text: '+++ b/src/a.ts', ink: 'dim' },
    { text: '@@ -1,2 +1,2 @@', ink: 'cyan' },
    { text: ' one' },
    { text: '-two', ink: 'red' },
    { text: '+three', ink: 'green' },
  ]);
});

test.each([
  [{ change: 'added' as const, bytesBefore: null, modeBefore: null }, '--- /dev/null'],
  [{ change: 'deleted' as const, bytesAfter: null, modeAfter: null }, '+++ /dev/null'],
])('a side without a file is no file: %j', (change, line) => {
  expect(text(diffFile(change))).toContain(line);
});

test.each([
  [{ content: 'binary' as const, bytesBefore: 1000, bytesAfter: 2500 }, 'changed src/a.ts (binary, 1.0 kB → 2.5 kB)'],
  [
    {
      content: 'large' as const,
      change: 'added' as const,
      bytesBefore: null,
      bytesAfter: 12_000_000,
      modeBefore: null,
    },
    'added src/a.ts (too large to be shown, 12.0 MB)',
  ],
  [{ content: 'binary' as const, bytesBefore: 5, bytesAfter: 5 }, 'changed src/a.ts (binary, 5 bytes)'],
  [
    { content: 'none' as const, change: 'mode' as const, modeAfter: '100755' },
    'mode changed src/a.ts (100644 → 100755)',
  ],
  [{ content: 'none' as const, by: 'others' as const }, 'changed src/a.ts (not by this turn)'],
])('what has no lines is told in one: %j', (change, line) => {
  expect(text(diffFile({ hunks: [], added: 0, removed: 0, ...change }))).toEqual([line]);
});

test('a line break that is missing at the end is told', () => {
  const [hunk] = diffFile().hunks;
  const lines = [
    { kind: '-' as const, text: 'a', unended: true as const },
    { kind: '+' as const, text: 'a' },
  ];
  expect(text(diffFile({ hunks: [{ ...hunk!, lines }] })).slice(-3)).toEqual([
    '-a',
    '\\ No newline at end of file',
    '+a',
  ]);
});

test('nothing in a file or its name reaches the terminal as a command', () => {
  const [hunk] = diffFile().hunks;
  const file = diffFile({
    path: 'a\x1b]0;x\x07\nb',
    hunks: [{ ...hunk!, lines: [{ kind: '+', text: 'x\x1b[2J\u202e\r\udc80' }] }],
  });
  const all = text(file).join('\n');
  // eslint-disable-next-line no-control-regex
  expect(all.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  expect(all).toContain('"a\\u{1b}]0;x\\u{7}\\nb"');
  expect(all.isWellFormed()).toBe(true);
});

test('a line of megabytes is cut for a person, and whole for a program', () => {
  const [hunk] = diffFile().hunks;
  const file = diffFile({ hunks: [{ ...hunk!, lines: [{ kind: '+', text: `\t${'x'.repeat(1_000_000)}` }] }] });
  expect(text(file).at(-1)?.length).toBeLessThan(3_000);
  expect(diffLines(file, FOR_PATCH).at(-1)?.text).toBe(`+\t${'x'.repeat(1_000_000)}`);
});

test('a file of which a part is left out says so', () => {
  for (const file of [diffFile({ truncated: true }), diffFile({ truncated: true, hunks: [] })]) {
    expect(text(file).at(-1)).toContain('the rest of this file is left out');
  }
});

test('pages are fetched when they are asked for, and headed by how much there is', async () => {
  const daemon = new FakeDaemon();
  const pages = [
    diffPage([diffFile()], { total: 2, nextOffset: 1, added: 7, removed: 2 }),
    diffPage([diffFile({ path: 'b' })], { total: 2, added: 7, removed: 2 }),
  ];
  daemon.overrides['snapshot/diff'] = ({ offset = 0 }: { offset?: number }) => pages[offset];
  const params = {
    owner: { kind: 'session' as const, sessionId: 's' },
    from: { kind: 'turn' as const, turn: 1, phase: 'pre' as const },
  };
  const lines = diffText(diffPages(daemon.connect(), params), 'turn 1');
  expect((await lines.next()).value).toEqual([{ text: 'turn 1: 2 files (+7 -2)', ink: 'dim' }]);
  expect((await lines.next()).value?.[1]?.text).toContain('src/a.ts');
  expect(daemon.calls).toHaveLength(1);
  expect((await lines.next()).value?.[1]?.text).toContain('changed b');
  expect(daemon.calls[1]?.params).toEqual({ ...params, offset: 1 });
  expect((await lines.next()).done).toBe(true);
});

test.each([
  ['', { from: undefined, to: undefined, paths: [] }],
  ['4', { from: 4, to: undefined, paths: [] }],
  ['2 4', { from: 2, to: 4, paths: [] }],
  ['2 now', { from: 2, to: 'now', paths: [] }],
  ['now', { from: undefined, to: 'now', paths: [] }],
  ['src', { from: undefined, to: undefined, paths: ['src'] }],
  ['4 src lib', { from: 4, to: undefined, paths: ['src', 'lib'] }],
  ['4 -- 5', { from: 4, to: undefined, paths: ['5'] }],
  ['-- now', { from: undefined, to: undefined, paths: ['now'] }],
  ['0', { from: undefined, to: undefined, paths: ['0'] }],
])('%j asks for %j', (line, wish) => {
  expect(readDiffWish(line.split(' ').filter((word) => word !== ''))).toEqual(wish);
});

test('turns in the wrong order are told the right one', () => {
  expect(() => readDiffWish(['4', '2'])).toThrow('turn 2 is before turn 4');
});
