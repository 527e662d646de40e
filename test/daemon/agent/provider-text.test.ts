import { describe, expect, test } from 'vitest';
import { presentable } from '../../../daemon/agent/provider-text.ts';

const KEY = 'sk-live-A1b2C3d4E5f6G7h8';

describe('a text that a server sent', () => {
  test('becomes one line without control characters or hidden direction', () => {
    expect(presentable('  a\r\n\tb\u0007\u001b[31mc\u202ed\u200b \u2028 e  ', [])).toBe('a b[31mcd e');
  });

  test('is cut at 500 characters', () => {
    expect(presentable('x'.repeat(900), [])).toBe(`${'x'.repeat(500)}…`);
  });

  test('keeps its words when no key is in it', () => {
    const text = 'Das Modell „ünbekannt“ gibt es nicht. İstanbul 日本語 🦊';
    expect(presentable(text, [KEY])).toBe(text);
  });

  test.each([
    ['the key alone', KEY],
    ['the key in a sentence', `no ${KEY}, sorry`],
    ['its beginning', `no ${KEY.slice(0, 11)}…`],
    ['its end', `no …${KEY.slice(-9)}`],
    ['the key twice', `${KEY}${KEY}`],
    ['a letter whose lower case is longer', `İ ${KEY} İ`],
    ['percent signs', `?k=${encodeURIComponent(KEY)}`],
  ])('loses %s', (_, text) => {
    const clean = presentable(text, [KEY]);
    for (let at = 0; at + 8 <= KEY.length; at++) expect(clean).not.toContain(KEY.slice(at, at + 8));
    expect(clean).toContain('[key removed]');
    expect(clean.replace(/\[key removed\]|[^A-Za-z]/g, '').length).toBeLessThan(10);
  });

  test('loses the key in base64, wherever it begins in what is encoded', () => {
    for (const before of ['', 'u', 'us', 'user:', 'Bearer ']) {
      const encoded = Buffer.from(`${before}${KEY}:after`).toString('base64');
      const clean = presentable(`basic ${encoded} end`, [KEY]);
      const left = clean.replaceAll('[key removed]', ' ').split(' ');
      for (const piece of left) {
        const decoded = Buffer.from(piece, 'base64').toString('latin1');
        expect(decoded).not.toContain(KEY.slice(4, 16));
      }
      expect(clean).toContain('[key removed]');
      expect(clean.endsWith('end')).toBe(true);
    }
  });

  test('loses a short key as a whole only', () => {
    expect(presentable('key ab12 is bad, ab1 too', ['ab12'])).toBe('key [key removed] is bad, ab1 too');
  });

  test('ignores an empty key', () => {
    expect(presentable('fine', ['', '  '])).toBe('fine');
  });
});
