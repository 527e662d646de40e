import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { editToml, type SettingValue } from '../../../daemon/config/edit.ts';
import { readStatements } from '../../../daemon/config/toml-statements.ts';

function edit(text: string, key: string, value: SettingValue | null): string | undefined {
  return editToml(text, key.split('.'), value);
}

const FULL = `# My settings

model = "local/a"   # the usual one

# The machine under the desk
[providers.local]
base_url = "http://127.0.0.1:8080/v1"  # not https
models = [
  "a", # small
  "b",
]

[providers.local.headers]
X-Title = 'it''s'

# far away
[providers.far]
base_url = """http://far/v1"""
`.replace("'it''s'", `"it's"`);

describe('changing one key of a file', () => {
  test.each<[string, string, string, SettingValue | null, string]>([
    ['replaces its value and keeps the comment behind it', 'a = 1 # one\nb = 2\n', 'a', 3, 'a = 3 # one\nb = 2\n'],
    ['begins a file', '', 'model', 'a/b', 'model = "a/b"\n'],
    ['begins a file with a table', '', 'providers.a.base_url', 'http://x', '[providers.a]\nbase_url = "http://x"\n'],
    ['adds a line to a file that ends without one', 'a = 1', 'b', 2, 'a = 1\nb = 2'],
    ['adds a general setting behind the general ones', 'a = 1\n\n[t]\nx = 1\n', 'b', 2, 'a = 1\nb = 2\n\n[t]\nx = 1\n'],
    [
      'adds the first general setting above the comment of the first table',
      '# mine\n\n# t\n[t]\nx = 1\n',
      'b',
      2,
      '# mine\n\nb = 2\n\n# t\n[t]\nx = 1\n',
    ],
    ['adds the first general setting above the first table', '[t]\nx = 1\n', 'b', 2, 'b = 2\n\n[t]\nx = 1\n'],
    ['adds to the table of the key', '[p.a]\nx = 1\n\n[p.b]\n', 'p.a.y', 2, '[p.a]\nx = 1\ny = 2\n\n[p.b]\n'],
    ['adds to an empty table', '[p.a]\n\n[p.b]\n', 'p.b.y', 2, '[p.a]\n\n[p.b]\ny = 2\n'],
    ['adds a table at the end', 'a = 1\n', 'p.x.y', 'z', 'a = 1\n\n[p.x]\ny = "z"\n'],
    ['adds beside dotted keys', 'p.x.a = 1\nb = 2\n', 'p.x.c', 3, 'p.x.a = 1\np.x.c = 3\nb = 2\n'],
    ['changes an inline table', 'p = { x = { a = 1 } } # p\n', 'p.x.b', 'c', 'p = { x = { a = 1, b = "c" } } # p\n'],
    ['keeps Windows line ends', 'a = 1\r\n[t]\r\nx = 1\r\n', 'b', 2, 'a = 1\r\nb = 2\r\n[t]\r\nx = 1\r\n'],
    ['keeps a byte order mark', '\uFEFF[t]\nx = 1\n', 'b', 2, '\uFEFFb = 2\n\n[t]\nx = 1\n'],
    ['writes what needs escaping', 'a = 1\n', 'a', 'q"\\\u007f\té', 'a = "q\\"\\\\\\u007f\\té"\n'],
    ['writes a list', 'a = 1\n', 'a', ['x', 'y'], 'a = ["x", "y"]\n'],
    ['quotes a key that needs it', '[t]\n', 't.a b', 1, '[t]\n"a b" = 1\n'],
    ['removes its line and nothing else', '# a\na = 1 # one\nb = 2\n', 'a', null, '# a\nb = 2\n'],
    ['removes a value of several lines', 'a = [\n 1, # x\n 2\n]\nb = 2\n', 'a', null, 'b = 2\n'],
    ['removes a last line without a line end', 'a = 1\nb = 2', 'b', null, 'a = 1\n'],
    [
      'removes a table with what is below it, and keeps its comments',
      '[p.a]\n# c\nx = 1\n[p.a.h]\ny = 1\n[p.b]\nz = 1\n',
      'p.a',
      null,
      '# c\n[p.b]\nz = 1\n',
    ],
    ['removes from an inline table', 'p = { x = { a = 1, b = 2 } }\n', 'p.x.a', null, 'p = { x = { b = 2 } }\n'],
    ['removes nothing that is not there', 'a = 1\n', 'p.q', null, 'a = 1\n'],
  ])('%s', (_, before, key, value, after) => {
    expect(edit(before, key, value)).toBe(after);
  });

  test('gives up where it would have to change something else', () => {
    expect(edit('a = 1\n', 'a.b', 2)).toBeUndefined();
    expect(edit('[[p]]\nx = 1\n', 'p.y', 2)).toBeUndefined();
  });

  test('keeps every other line of a file with comments to the letter, whatever key is changed', () => {
    const keys = readStatements(FULL)
      .filter((one) => one.kind === 'entry')
      .map((one) => one.path.join('.'));
    const edits: [string, SettingValue | null][] = [
      ...keys.flatMap((key): [string, SettingValue | null][] => [
        [key, 'new'],
        [key, null],
      ]),
      ['log_level', 'debug'],
      ['providers.local.api_key_env', 'KEY'],
      ['providers.far.models', ['x']],
      ['providers.new.base_url', 'http://new'],
    ];
    for (const [key, value] of edits) {
      const after = edit(FULL, key, value);
      expect(after, key).toBeDefined();
      const touched = readStatements(FULL).find((one) => one.kind === 'entry' && one.path.join('.') === key);
      const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
      const kept = touched === undefined ? lines(FULL) : lines(FULL.slice(0, touched.start) + FULL.slice(touched.end));
      const left = lines(after ?? '');
      for (const line of kept) expect(left, `${key}: ${line}`).toContain(line);
      expect(left.length - kept.length, key).toBeLessThanOrEqual(2);
    }
  });
});

/** Numbers that look random and are the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % sides;
  };
}

const KEYS = ['a', 'b-c', '"q k"', "'l.k'", '"e\\"s\\u00e9"', 'D_1'];
const VALUES = [
  '1',
  '-2.5',
  'true',
  '2026-01-01',
  '"t"',
  '"# no"',
  '"a\\"]b"',
  "'x\\'",
  '"""m\n[no]\nk = 1 """',
  "'''l\n#'''",
  '""""q"""""',
  '"""q""""',
  "'''q''''",
  '[]',
  '[1, 2]',
  '[\n  "x", # c ]\n  ["y"],\n]',
  '{}',
  '{ i = 1, j.k = "}" }',
];
const GAPS = ['', '', '\n', '# note = 1\n', '  # [no]\n', '\r\n'];

/** A TOML text of any shape that the parser accepts. */
function randomToml(seed: number): string {
  const roll = dice(seed);
  const pick = (list: readonly string[]): string => list[roll(list.length)] ?? '';
  for (;;) {
    let text = roll(8) === 0 ? '\uFEFF' : '';
    for (let part = 0; part < 1 + roll(10); part++) {
      text += pick(GAPS);
      const path = Array.from({ length: 1 + roll(3) }, () => pick(KEYS)).join(pick(['.', '.', ' . ']));
      if (roll(4) === 0)
        text += roll(5) === 0 ? `[[${path}]]\n` : `${pick(['', '  '])}[ ${path} ]${pick(['', ' # h'])}\n`;
      else
        text += `${pick(['', '\t'])}${path}${pick(['=', ' = '])}${pick(VALUES)}${pick(['', ' ', ' # c "x'])}${pick(['\n', '\n', '\r\n'])}`;
    }
    if (roll(3) === 0) text = text.trimEnd();
    try {
      parse(text);
      return text;
    } catch {
      continue;
    }
  }
}

/** The value at a path; in a list of tables, the last one, which is where the text is. */
function at(tree: unknown, path: readonly string[]): unknown {
  let value = tree;
  for (const part of path) {
    const table: unknown = Array.isArray(value) ? value.at(-1) : value;
    value = (table as Record<string, unknown>)[part];
  }
  return value;
}

describe('reading where the keys of a text are', () => {
  test('finds for each entry the value that the parser found, in 2000 texts', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const text = randomToml(seed);
      const seen = new Map<string, string>();
      for (const one of readStatements(text)) {
        if (one.kind === 'table') continue;
        // Of a list of tables only the last can be looked up.
        seen.set(JSON.stringify(one.path), text.slice(one.valueStart, one.valueEnd));
        expect(text.slice(0, one.start).split('\n').length, text).toBe(one.line);
      }
      const tree = parse(text);
      for (const [path, value] of seen) {
        const expected = at(tree, JSON.parse(path) as string[]);
        if (expected !== undefined) expect(parse(`v = ${value}`)['v'], text).toEqual(expected);
      }
    }
  });

  test('finds every entry, in 500 texts without lists of tables', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const text = randomToml(seed);
      if (text.includes('[[')) continue;
      const entries = readStatements(text).filter((one) => one.kind === 'entry');
      const rebuilt = entries.map((one) => {
        const key = one.path.map((part) => JSON.stringify(part)).join('.');
        return `${key} = ${text.slice(one.valueStart, one.valueEnd)}`;
      });
      expect(meaning(parse(rebuilt.join('\n'))), text).toEqual(meaning(parse(text)));
    }
  });

  test('lets any text be edited without touching its other lines, or says that it cannot, in 2000 texts', () => {
    let edited = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const text = randomToml(seed);
      const roll = dice(seed + 7);
      const paths = readStatements(text).map((one) => one.path);
      const path = roll(3) === 0 ? ['fresh', 'x'] : (paths[roll(paths.length)] ?? ['fresh']);
      const value = roll(3) === 0 ? null : 'new';
      const after = editToml(text, path, value);
      if (after === undefined) continue;
      edited++;
      const found = valueOrNothing(parse(after), path);
      expect(found, text).toEqual(value ?? undefined);
      const comments = (of: string): string[] => of.match(/^# note = 1$/gm) ?? [];
      expect(comments(after).length, text).toBe(comments(text).length);
    }
    expect(edited).toBeGreaterThan(1500);
  });
});

function valueOrNothing(tree: unknown, path: readonly string[]): unknown {
  let value = tree;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** A tree without empty tables, which a text may or may not spell out. */
function meaning(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, meaning(inner)]);
  const full = entries.filter(([, inner]) => inner !== undefined);
  return full.length === 0 ? undefined : Object.fromEntries(full);
}
