import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workbench } from './support/workbench.ts';

let bench: Workbench;
let outside: string;
beforeEach(() => {
  bench = new Workbench();
  outside = join(bench.root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
});
afterEach(() => bench.close());

const read = (path: string) => bench.prepare('read', { path });
const write = (path: string) => bench.prepare('write', { path, content: 'x' });

describe('a path', () => {
  it('inside the workspace is not outside, however it is written', async () => {
    bench.file('d/a.txt', 'x');
    symlinkSync('d', bench.path('inner'));
    for (const path of ['d/a.txt', './d/../d/a.txt', bench.path('d/a.txt'), 'inner/a.txt', 'inner/../d//a.txt/'])
      expect(await read(path)).toMatchObject({ title: 'read d/a.txt', outside: [] });
  });

  it('that leaves the workspace is named as where it really leads', async () => {
    symlinkSync(outside, bench.path('directory'));
    symlinkSync(join(outside, 'secret'), bench.path('file'));
    symlinkSync('file', bench.path('chain'));
    writeFileSync(join(bench.home, 'secret'), 'x');
    const real = join(outside, 'secret');
    for (const path of ['../outside/secret', real, 'directory/secret', 'file', 'chain', 'directory/../outside/secret'])
      expect(await read(path)).toMatchObject({ outside: [real], title: `read ${real}` });
    expect((await read('~/secret')).outside).toEqual([join(bench.home, 'secret')]);
    // A name that only begins like the workspace.
    writeFileSync(`${bench.workspace}-other`, 'x');
    expect((await read(`${bench.workspace}-other`)).outside).toEqual([`${bench.workspace}-other`]);
  });

  it('to be written is followed too, also where nothing exists yet', async () => {
    symlinkSync(join(outside, 'new'), bench.path('dangling'));
    symlinkSync(outside, bench.path('directory'));
    expect(await write('dangling')).toMatchObject({ outside: [join(outside, 'new')], paths: [join(outside, 'new')] });
    expect((await write('directory/a/b')).outside).toEqual([join(outside, 'a/b')]);
    expect((await write('new/deep/file')).paths).toEqual([bench.path('new/deep/file')]);
    await expect(write('nowhere/../../outside/x')).rejects.toThrow('does not exist');
  });

  it('that goes in a circle, or through a file, is refused', async () => {
    symlinkSync('b', bench.path('a'));
    symlinkSync('a', bench.path('b'));
    await expect(read('a')).rejects.toThrow('too many symbolic links');
    bench.file('file', '');
    await expect(read('file/x')).rejects.toThrow('is not a directory');
    await expect(write('file/x')).rejects.toThrow('is not a directory');
  });

  it('into /proc or a device is refused, by any way', async () => {
    symlinkSync('/proc/self', bench.path('self'));
    for (const path of ['/proc/self/environ', 'self/environ', '/proc/self/mem', '/proc/1/cmdline', '/sys/kernel/notes'])
      await expect(read(path)).rejects.toThrow('is a view into the system');
    await expect(bench.prepare('grep', { pattern: 'x', path: '/proc/self' })).rejects.toThrow('a view into the system');
    for (const path of ['/dev/null', '/dev/stdin', '/dev/fd/0']) await expect(read(path)).rejects.toThrow();
    expect(await read(`/proc/self/root${outside}/secret`)).toMatchObject({
      outside: [join(outside, 'secret')],
    });
  });

  it('into the store of m is refused, into its configuration only to write', async () => {
    writeFileSync(join(bench.data, 'm.db'), 'x');
    writeFileSync(join(bench.config, 'config.toml'), 'x');
    symlinkSync(bench.data, bench.path('store'));
    for (const path of ['store/m.db', join(bench.data, 'm.db')]) {
      await expect(read(path)).rejects.toThrow('belongs to the store of m');
      await expect(write(path)).rejects.toThrow('belongs to the store of m');
    }
    await expect(write(join(bench.data, 'new'))).rejects.toThrow('belongs to the store of m');
    await expect(bench.prepare('list', { path: bench.data })).rejects.toThrow('belongs to the store of m');
    expect(await read(join(bench.config, 'config.toml'))).toMatchObject({ effect: 'read' });
    await expect(write(join(bench.config, 'agents/x.md'))).rejects.toThrow('part of the configuration of m');
  });

  it('into git’s own data is refused to be written, and may be read', async () => {
    bench.file('.git/config', 'x');
    bench.file('sub/.git', 'gitdir: ../.git/modules/sub');
    symlinkSync('.git', bench.path('alias'));
    for (const path of ['.git/config', '.git/hooks/pre-commit', 'sub/.git', 'alias/config', '.GIT/config', '.git./x'])
      await expect(write(path)).rejects.toThrow('part of git’s own data'.replace('’', "'"));
    await expect(bench.prepare('edit', { path: '.git/config', old: 'x', new: 'y' })).rejects.toThrow("git's own data");
    expect((await bench.use('read', { path: '.git/config' })).isError).toBe(false);
    expect(await write('.gitignore')).toMatchObject({ paths: [bench.path('.gitignore')] });
  });

  it('that is a hard link is written without changing what else bears its content', async () => {
    linkSync(join(outside, 'secret'), bench.path('hard'));
    await bench.use('read', { path: 'hard' });
    await bench.use('write', { path: 'hard', content: 'mine' });
    expect(readFileSync(bench.path('hard'), 'utf8')).toBe('mine');
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });
});
