import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TimedPattern } from '../../../daemon/tools/files/timed-pattern.ts';
import { Workbench } from './support/workbench.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.close());

const output = async (name: string, args: unknown) => (await bench.use(name, args)).output.split('\n');

describe('list', () => {
  it('shows what is in a directory, in order, and counts what is ignored', async () => {
    bench.file('b.txt', '12345');
    bench.file('a/x', '');
    bench.file('out.log', '');
    bench.file('.gitignore', '*.log\n');
    symlinkSync('/etc/passwd', bench.path('link'));
    expect(await output('list', {})).toEqual([
      '.gitignore  6',
      'a/',
      'b.txt  5',
      'link -> /etc/passwd',
      '(1 ignored entries were left out; set all to see them)',
    ]);
    expect(await output('list', { all: true })).toContain('out.log  0');
  });

  it('says that a directory is empty, that a path is a file, and that there is more than it shows', async () => {
    mkdirSync(bench.path('empty'));
    expect(await output('list', { path: 'empty' })).toEqual(['(the directory is empty)']);
    bench.file('file', '');
    await expect(bench.prepare('list', { path: 'file' })).rejects.toThrow('file is a file; use read');
    for (let i = 0; i < 1_005; i += 1) bench.file(`many/${i}`, '');
    const many = await output('list', { path: 'many' });
    expect(many).toHaveLength(1_001);
    expect(many.at(-1)).toBe('(5 more entries are not shown)');
  });
});

describe('glob', () => {
  beforeEach(() => {
    for (const path of ['a.ts', 'src/b.ts', 'src/deep/c.tsx', 'src/deep/d.js', 'test/e.ts', 'x[1].ts', 'lib/é.ts'])
      bench.file(path, '');
  });

  it.each<[string, string[]]>([
    ['*.ts', ['a.ts', 'x[1].ts', 'lib/é.ts', 'src/b.ts', 'test/e.ts']],
    ['./*.ts', ['a.ts', 'x[1].ts']],
    ['src/**/*.{ts,tsx}', ['src/b.ts', 'src/deep/c.tsx']],
    ['{src,test}/*.ts', ['src/b.ts', 'test/e.ts']],
    ['src/**', ['src/b.ts', 'src/deep/c.tsx', 'src/deep/d.js']],
    ['**/deep/[cd].*', ['src/deep/c.tsx', 'src/deep/d.js']],
    ['x\\[1\\].ts', ['x[1].ts']],
    ['?.ts', ['a.ts', 'lib/é.ts', 'src/b.ts', 'test/e.ts']],
    ['nothing', ['(no file matches nothing)']],
  ])('finds %s', async (pattern, expected) => {
    expect(await output('glob', { pattern })).toEqual(expected);
  });

  it('begins where it is told to, and says paths from the workspace', async () => {
    expect(await output('glob', { pattern: '*.ts', path: 'src' })).toEqual(['src/b.ts']);
  });

  it('leaves out what is ignored, git itself, links, and the store of m', async () => {
    bench.file('.gitignore', 'test/\n');
    bench.file('.git/config.ts', '');
    symlinkSync(bench.path('src'), bench.path('loop'));
    const result = await output('glob', { pattern: '*.ts' });
    expect(result).toEqual([
      'a.ts',
      'x[1].ts',
      'lib/é.ts',
      'src/b.ts',
      '(1 ignored entries were left out; set all to see them)',
    ]);
    writeFileSync(join(bench.data, 'store.ts'), '');
    const outer = await bench.prepare('glob', { pattern: '*.ts', path: bench.root });
    expect(outer.outside).toEqual([bench.root]);
    expect((await bench.run(outer)).output).not.toContain('store.ts');
  });

  it('refuses patterns that lead out, stand for too much, or are not closed', async () => {
    await expect(bench.prepare('glob', { pattern: '../*' })).rejects.toThrow('below the directory that is searched');
    await expect(bench.prepare('glob', { pattern: '[a' })).rejects.toThrow('a bracket that is not closed');
    const many = '{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}';
    await expect(bench.prepare('glob', { pattern: many })).rejects.toThrow('more than 64 patterns');
  });
});

describe('grep', () => {
  it('finds lines with path and number, and says what it left out', async () => {
    bench.file('a.txt', 'one\ntwo\r\nthree two\n');
    bench.file('b/c.txt', 'two');
    bench.file('blob', Buffer.from('two\0two'));
    bench.file('ignored.txt', 'two');
    bench.file('.gitignore', 'ignored.txt');
    const expected = [
      'a.txt:2: two',
      'a.txt:3: three two',
      'b/c.txt:1: two',
      '(1 binary files were left out)',
      '(1 ignored entries were left out; set all to see them)',
    ];
    expect(await output('grep', { pattern: 'two' })).toEqual(expected);
    expect(await output('grep', { pattern: 't[w]o$' })).toEqual(expected);
    expect(await output('grep', { pattern: '(?i)TWO' })).toEqual(expected);
    expect(await output('grep', { pattern: 'TWO', ignoreCase: true, literal: true })).toEqual(expected);
    expect(await output('grep', { pattern: 'two', filesOnly: true })).toEqual([
      'a.txt',
      'b/c.txt',
      ...expected.slice(3),
    ]);
    expect(await output('grep', { pattern: 'two', glob: 'b/*' })).toEqual(['b/c.txt:1: two', expected[4]]);
    expect(await output('grep', { pattern: 'two', path: 'ignored.txt' })).toEqual(['ignored.txt:1: two']);
    expect(await output('grep', { pattern: 't.o', literal: true, path: 'a.txt' })).toEqual(['(nothing matches t.o)']);
  });

  it('shows the lines around a match, each once', async () => {
    bench.file(
      'n',
      Array.from({ length: 12 }, (_, i) => `${i + 1}${[2, 4, 11].includes(i + 1) ? ' hit' : ''}`).join('\n'),
    );
    bench.file('o', 'x\nhit\n');
    expect(await output('grep', { pattern: 'hit', context: 1 })).toEqual([
      'n-1- 1',
      'n:2: 2 hit',
      'n-3- 3',
      'n:4: 4 hit',
      'n-5- 5',
      '--',
      'n-10- 10',
      'n:11: 11 hit',
      'n-12- 12',
      '--',
      'o-1- x',
      'o:2: hit',
    ]);
    expect(await output('grep', { pattern: 'h[i]t', context: 1, path: 'o' })).toEqual(['o-1- x', 'o:2: hit']);
  });

  it('numbers lines rightly in a long file, whatever the length of its lines', async () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i + 1} ${'x'.repeat(i % 50)}`);
    lines[20_000] = 'y'.repeat(700_000);
    lines[35_000] = 'needle';
    bench.file('long', lines.join('\n'));
    expect(await output('grep', { pattern: 'needle' })).toEqual(['long:35001: needle']);
    expect(await output('grep', { pattern: '^needl[e]$' })).toEqual(['long:35001: needle']);
    expect((await output('grep', { pattern: '^y' }))[0]).toBe(`long:20001: ${'y'.repeat(500)} […]`);
  });

  it('stops at what one answer holds, and says so', async () => {
    bench.file('many', 'hit\n'.repeat(1_000));
    const lines = await output('grep', { pattern: 'hit' });
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toBe('(there are more than these 200 matches: make the pattern narrower, or name a path)');
  });

  it('leaves out a huge file, and goes through it in bounded memory when it is named', async () => {
    bench.file('small', 'hit');
    bench.file('huge', 'text hit\n');
    truncateSync(bench.path('huge'), 1024 ** 3);
    writeFileSync(bench.path('huge'), `${'some text to go through\n'.repeat(1_000)}hit\n`);
    truncateSync(bench.path('huge'), 1024 ** 3);
    expect(await output('grep', { pattern: 'hit' })).toEqual([
      'small:1: hit',
      '(1 files larger than 67108864 bytes were left out; name one to search it)',
    ]);
    const before = process.memoryUsage().rss;
    expect(await output('grep', { pattern: 'h[i]t', path: 'huge' })).toEqual(['huge:1001: hit']);
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  });

  it('ends a pattern that would take for ever, and the thread goes on', async () => {
    bench.file('evil', `${'a'.repeat(40)}b\n`);
    bench.file('fine', 'aaa\n');
    expect(await output('grep', { pattern: '^(a+)+$' })).toEqual([
      'fine:1: aaa',
      '(the pattern takes too long on evil, of which a part was left out)',
    ]);
    for (const name of ['e2', 'e3']) bench.file(name, `${'a'.repeat(40)}b\n`);
    const given = await bench.use('grep', { pattern: '^(a+)+$' });
    expect(given.isError).toBe(true);
    expect(given.output).toContain('the pattern takes too long, on e2, e3, evil for example');
    expect(bench.unexpected).toEqual([]);
  });

  it('refuses what is not a regular expression', async () => {
    await expect(bench.prepare('grep', { pattern: '(' })).rejects.toThrow('grep cannot use this pattern');
    await expect(bench.prepare('grep', { pattern: 'a\nb' })).rejects.toThrow('one line at a time');
  });

  it('counts what is slow because there is much of it as done, not as too slow', () => {
    const pattern = new TimedPattern({ pattern: 'x.*z$', literal: false, ignoreCase: false });
    const text = `${'x'.repeat(300)}y\n`.repeat(400);
    const stretches = Array.from({ length: 40 }, (_, i) => ({ text, firstLine: 1, shown: `f${i}` }));
    let slow = 0;
    pattern.search(stretches, 10, (_stretch, hits) => {
      if (hits === undefined) slow += 1;
    });
    expect(slow).toBe(0);
  });

  it('never leaves the tree through a directory that is swapped for a link', async () => {
    mkdirSync(join(bench.root, 'outside/in'), { recursive: true });
    writeFileSync(join(bench.root, 'outside/in/secret'), 'needle outside\n');
    for (let i = 0; i < 30; i += 1) bench.file(`swap/d${i}/in/secret`, 'needle inside\n');
    const swapper = [
      'const fs = require("node:fs"); const [, dir, out] = process.argv; process.stdout.write("up\\n");',
      'for (let i = 0; ; i = (i + 1) % 30) { const d = `${dir}/d${i}`;',
      '  try { fs.renameSync(d, `${d}.away`); fs.symlinkSync(out, d); fs.unlinkSync(d); fs.renameSync(`${d}.away`, d); } catch {} }',
    ].join('\n');
    const child = spawn(process.execPath, ['-e', swapper, bench.path('swap'), join(bench.root, 'outside')]);
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      for (let round = 0; round < 60; round += 1) {
        const { output: text } = await bench.use('grep', { pattern: 'needle' });
        expect(text).not.toContain('outside');
      }
    } finally {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
  });
});

describe('in a tree of 100,000 files', () => {
  let big: Workbench;
  beforeAll(() => {
    big = new Workbench();
    execFileSync(process.execPath, [
      '-e',
      `const fs = require('node:fs');
       for (let d = 0; d < 500; d += 1) {
         fs.mkdirSync(process.argv[1] + '/d' + d);
         for (let f = 0; f < 200; f += 1)
           fs.writeFileSync(process.argv[1] + '/d' + d + '/f' + f + (f % 10 ? '.txt' : '.ts'), 'line one\\nline two of ' + d + ' ' + f + '\\n');
       }`,
      big.workspace,
    ]);
    writeFileSync(big.path('.gitignore'), '*.log\n/build/\n!keep\n');
  }, 120_000);
  afterAll(() => big.close(), 120_000);

  it('glob and grep answer within their time', async () => {
    const began = performance.now();
    const glob = await big.use('glob', { pattern: 'd499/f19?.txt' });
    expect(glob.output.split('\n')).toHaveLength(9);
    const globbed = performance.now();
    const all = await big.use('glob', { pattern: '**/f190.ts' });
    expect(all.output.split('\n')).toHaveLength(500);
    const walked = performance.now();
    const grep = await big.use('grep', { pattern: 'of 499 19[0-9]$' });
    expect(grep.output.split('\n')).toHaveLength(10);
    const done = performance.now();
    const took = [globbed - began, walked - globbed, done - walked].map(Math.round);
    if (process.env['M_SHOW_TIMES'] !== undefined)
      process.stdout.write(`glob, glob all, grep: ${took.join(', ')} ms\n`);
    expect(took[1]).toBeLessThan(15_000);
    expect(took[2]).toBeLessThan(25_000);
  }, 60_000);

  it('other calls are answered meanwhile, and an abort ends the search', async () => {
    const controller = new AbortController();
    const search = big.run(await big.prepare('grep', { pattern: 'never (there)+$' }), controller.signal);
    const waits: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const began = performance.now();
      await big.use('read', { path: 'd0/f0.ts' });
      waits.push(performance.now() - began);
    }
    controller.abort();
    const began = performance.now();
    expect((await search).output).toBe('grep: cancelled; nothing was changed');
    expect(performance.now() - began).toBeLessThan(1_000);
    if (process.env['M_SHOW_TIMES'] !== undefined)
      process.stdout.write(`read meanwhile: ${waits.map(Math.round).join(', ')} ms\n`);
  }, 60_000);
});
