import { expect, test } from 'vitest';
import { pathText } from '../../../client/files/path-text.ts';
import { readWords } from '../../../client/files/read-words.ts';
import { workspacePath, workspacePaths } from '../../../client/files/typed-path.ts';

test.each([
  ['src/a.ts', 'src/a.ts'],
  ['with blanks.txt', 'with blanks.txt'],
  ['größe/日本.txt', 'größe/日本.txt'],
  ['a\nb\tc\rd', '"a\\nb\\tc\\rd"'],
  ['\x1b[2J', '"\\u{1b}[2J"'],
  ['\x9b1m', '"\\u{9b}1m"'],
  ['exe\u202etxt.sh', '"exe\\u{202e}txt.sh"'],
  ['zero\u200bwidth', '"zero\\u{200b}width"'],
  ['"quoted"', '"\\"quoted\\""'],
  ['back\\slash', '"back\\\\slash"'],
  [' leading', '" leading"'],
  ['byte\udc80.txt', 'byte\ufffd.txt'],
])('the name %j is shown as %s', (path, shown) => {
  expect(pathText(path)).toBe(shown);
});

test('what is shown in quotes means the same name when it is typed', () => {
  const seed = Number(process.env['M_FAULT_SEED'] ?? Date.now() % 1_000_000);
  let state = seed;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  const alphabet = [
    'a',
    ' ',
    '"',
    "'",
    '\\',
    '\n',
    '\t',
    '\r',
    '\x1b',
    '\x9b',
    '\u202e',
    'ü',
    '😀',
    'n',
    '{',
    '}',
    '-',
  ];
  for (let round = 0; round < 2_000; round += 1) {
    const name = Array.from({ length: 1 + random(8) }, () => alphabet[random(alphabet.length)]).join('');
    const shown = pathText(name);
    // eslint-disable-next-line no-control-regex
    expect(shown, `seed ${seed}`).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
    if (shown.startsWith('"')) expect(readWords(shown), `seed ${seed}: ${shown}`).toEqual([name]);
  }
});

test.each([
  ['', []],
  ['  3  ', ['3']],
  ['3 src/a.ts "with blanks" it\'s 1\'', ['3', 'src/a.ts', 'with blanks', 'its 1']],
  ['a\\ b', ['a b']],
  ['""', ['']],
  ["'\\n'", ['\\n']],
])('the line %j has the words %j', (line, words) => {
  expect(readWords(line)).toEqual(words);
});

test('a quote that is not closed is told, and nothing is guessed', () => {
  expect(() => readWords('3 "src')).toThrow('a quote is not closed: "src');
});

test.each([
  ['a.ts', '/work', '/work', 'a.ts'],
  ['a.ts', '/work', '/work/src', 'src/a.ts'],
  ['../a.ts', '/work', '/work/src', 'a.ts'],
  ['src/', '/work', '/work', 'src'],
  ['/work/src/a.ts', '/work', '/elsewhere', 'src/a.ts'],
  ['src/a.ts', '/work', '/elsewhere', 'src/a.ts'],
  ['..a', '/work', '/work', '..a'],
  ['.', '/work', '/work/src', 'src'],
  ['.', '/work', '/work', undefined],
])('%s in %s, typed in %s, is %s', (typed, workspace, directory, path) => {
  expect(workspacePath(typed, workspace, directory)).toBe(path);
});

test('a path that leads out of the workspace is refused', () => {
  expect(() => workspacePath('../secret', '/work', '/work')).toThrow('../secret is not in the workspace /work');
  expect(() => workspacePath('/etc/passwd', '/work', '/work')).toThrow('/etc/passwd is not in the workspace /work');
  expect(() => workspacePath('..', '/work', '/work')).toThrow('.. is not in the workspace');
  expect(() => workspacePath('/workshop', '/work', '/work')).toThrow('/workshop is not');
});

test('an empty path is refused: a script whose variable has no value does not mean everything', () => {
  expect(() => workspacePath('', '/work', '/work')).toThrow('a path is empty');
  expect(() => workspacePaths(['a', ''], '/work', '/work')).toThrow('a path is empty');
});

test('the whole workspace is no list of paths', () => {
  expect(workspacePaths([], '/work', '/work')).toBeUndefined();
  expect(workspacePaths(['a', '.'], '/work', '/work')).toBeUndefined();
  expect(workspacePaths(['a', 'b/'], '/work', '/work')).toEqual(['a', 'b']);
});
