import { describe, expect, it } from 'vitest';
import { fromWirePath, toByteText, toBytes, toWirePath } from '../../../daemon/workspace/byte-text.ts';
import { chance, faultLoops } from '../../fault/support/chance.ts';
import type { Chance } from '../../fault/support/seeded.ts';

describe('a path on its way to a client', () => {
  it('is plain text when it is UTF-8', () => {
    for (const text of ['a/b', 'ä/日本/😀', '\ufffd', 'é']) {
      expect(toWirePath(toByteText(text))).toBe(text);
      expect(fromWirePath(text)).toBe(toByteText(text));
    }
  });

  it('carries a byte that is not UTF-8 as a lone surrogate', () => {
    expect(toWirePath('caf\xe9/\xc3\xa4')).toBe('caf\udce9/ä');
    expect(fromWirePath('caf\udce9/ä')).toBe('caf\xe9/\xc3\xa4');
    // Half a pair and an overlong form are no UTF-8.
    expect(toWirePath('\xed\xa0\x80')).toBe('\udced\udca0\udc80');
    expect(toWirePath('\xc0\xaf')).toBe('\udcc0\udcaf');
  });

  it('comes back as the same bytes, whatever they are', () => {
    const random = chance();
    for (let round = 0; round < 200 * faultLoops(); round += 1) {
      const length = 1 + Math.floor(random.next() * 12);
      const bytes = Array.from({ length }, () => pieceOf(random));
      const path = Buffer.concat(bytes).toString('latin1');
      const wire = JSON.parse(JSON.stringify(toWirePath(path))) as string;
      expect(toBytes(fromWirePath(wire))).toEqual(toBytes(path));
    }
  });
});

function pieceOf(random: Chance): Buffer {
  if (random.next() < 0.5) return Buffer.from([1 + Math.floor(random.next() * 255)]);
  return Buffer.from(String.fromCodePoint(0x80 + Math.floor(random.next() * 0xd000)), 'utf8');
}
