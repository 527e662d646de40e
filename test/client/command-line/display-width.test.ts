import { expect, test } from 'vitest';
import {
  columnAfter,
  displayWidth,
  fitWidth,
  padWidth,
  wrapWidth,
} from '../../../client/command-line/display-width.ts';

test.each([
  ['plain', 5],
  ['日本語', 6],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
  ['❤️', 2],
  ['\x1b[31mred\x1b[39m', 3],
  ['', 0],
])('%j takes %i columns', (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test.each([
  ['abc', 0, 10, 3],
  ['x'.repeat(10), 0, 10, 10],
  ['x'.repeat(11), 0, 10, 1],
  ['日', 9, 10, 2],
  ['\tx', 3, 80, 9],
  ['', 4, 10, 4],
  ['é'.repeat(12), 0, 10, 2],
])('after %j from column %i of a row of %i comes column %i', (text, from, columns, after) => {
  expect(columnAfter(text, from, columns)).toBe(after);
});

test('a text is cut to a width, never inside a character', () => {
  expect(fitWidth('日本語', 4)).toBe('日…');
  expect(fitWidth('short', 5)).toBe('short');
  expect(displayWidth(fitWidth('x'.repeat(50), 20))).toBe(20);
});

test('a text is filled up by what is shown, not by what is stored', () => {
  expect(padWidth('日', 4)).toBe('日  ');
});

test('a text is wrapped into rows, the last of which is cut', () => {
  expect(wrapWidth('abcdefghij', 4, 3)).toEqual(['abcd', 'efgh', 'ij']);
  expect(wrapWidth('abcdefghij', 4, 2)).toEqual(['abcd', 'efg…']);
  expect(wrapWidth('日本語', 3, 3)).toEqual(['日', '本', '語']);
});
