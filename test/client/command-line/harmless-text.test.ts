import { expect, test } from 'vitest';
import { HarmlessStream, harmless, harmlessJson, harmlessLine } from '../../../client/command-line/harmless-text.ts';

test('line feeds and tabs stay; every other control character becomes a visible one', () => {
  const all = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join('');
  const shown = harmless(all);
  expect(shown.replaceAll(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
  expect(shown).toContain('\n');
  expect(shown).toContain('\t');
  expect(harmless('\x1b[31mred\x07\x7f')).toBe('␛[31mred␇␡');
});

test('marks that turn the direction of text around become visible', () => {
  expect(harmless('a\u202eb\u2066c')).toBe('a\ufffdb\ufffdc');
});

test('half a character becomes the sign for one', () => {
  expect(harmless('a\ud83d')).toBe('a\ufffd');
});

test('a line stays one line', () => {
  expect(harmlessLine('a\nb\t\tc\r\nd')).toBe('a b c d');
});

test('a text in pieces comes out as the same text whole, wherever it is cut', () => {
  const text = 'one\r\ntwo\rthree 😀 \x1b[0m\u0007 é';
  for (let cut = 0; cut <= text.length; cut += 1) {
    const stream = new HarmlessStream();
    expect(stream.push(text.slice(0, cut)) + stream.push(text.slice(cut)) + stream.end()).toBe(harmless(text));
  }
});

test('JSON holds nothing that a terminal obeys and means the same', () => {
  const value = { text: '\x1b[31m\x7f\x9b1m\u202e"\n' };
  const json = harmlessJson(value);
  expect(json).not.toMatch(/\p{Cc}|\u202e/u);
  expect(JSON.parse(json)).toEqual(value);
  expect(JSON.parse(harmlessJson(value, 2))).toEqual(value);
});
