import { describe, expect, test } from 'vitest';
import { cleanSaveName, saveId } from '../../../daemon/domain/save-name.ts';

describe('the name of a save', () => {
  test.each([
    ['fixing-auth-bug', 'fixing-auth-bug'],
    ['fixing auth bug', 'fixing-auth-bug'],
    ['  spaced  out  ', 'spaced-out'],
    ['a/b', 'a-b'],
    ['x/_autosave', 'x-_autosave'],
    ['../../etc/passwd', 'etc-passwd'],
    ['_autosave', 'autosave'],
    ['...', ''],
    ['---', ''],
    ['\u0000\u001b[31mred', '31mred'],
    ['версия 2', 'версия-2'],
    ['v1.2_final', 'v1.2_final'],
    ['e\u0301', '\u00e9'],
    ['🎉', ''],
    ['', ''],
  ])('%j becomes %j', (name, cleaned) => {
    expect(cleanSaveName(name)).toBe(cleaned);
  });

  test('is cut after sixty characters and does not end in a separator', () => {
    expect(cleanSaveName(`${'a'.repeat(59)}-b`)).toBe('a'.repeat(59));
    expect(cleanSaveName('x'.repeat(500))).toHaveLength(60);
  });

  test('is cleaned to what stays the same when it is cleaned again', () => {
    for (const name of ['a/b c', '..x..', 'é', '-_.-', 'a'.repeat(100)]) {
      expect(cleanSaveName(cleanSaveName(name))).toBe(cleanSaveName(name));
    }
  });
});

describe('the id of a save', () => {
  const at = Date.UTC(2025, 6, 4, 22, 5);

  test.each([
    ['UTC', undefined, '2025-07-04_22-05'],
    ['UTC', 'first', '2025-07-04_22-05_first'],
    ['Europe/Berlin', 'a b', '2025-07-05_00-05_a-b'],
    ['America/New_York', '//', '2025-07-04_18-05'],
    ['Asia/Kolkata', undefined, '2025-07-05_03-35'],
    ['Nowhere/Land', undefined, '2025-07-04_22-05'],
    ['', undefined, '2025-07-04_22-05'],
  ])('in %j with the name %j is %j', (zone, name, id) => {
    expect(saveId(at, zone, name)).toBe(id);
  });
});
