import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdDirectory } from '../../../daemon/tools/files/held-directory.ts';
import { Workbench } from './support/workbench.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.close());

const text = (path: string) => readFileSync(bench.path(path), 'utf8');

describe('write', () => {
  it('makes a file with the directories above it, as open as the rest of the workspace', async () => {
    chmodSync(bench.workspace, 0o755);
    const call = await bench.prepare('write', { path: 'new/deep/a.txt', content: 'one\ntwo\n' });
    expect(call).toMatchObject({
      effect: 'edit',
      title: 'write new/deep/a.txt',
      paths: [bench.path('new/deep/a.txt')],
      detail: '--- /dev/null\n+++ b/new/deep/a.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n',
    });
    expect(readdirSync(bench.workspace)).toEqual([]);
    expect(await bench.run(call)).toMatchObject({ output: 'made new/deep/a.txt (8 bytes)', isError: false });
    expect(text('new/deep/a.txt')).toBe('one\ntwo\n');
    expect(statSync(bench.path('new/deep/a.txt')).mode & 0o777).toBe(0o644);
    expect(statSync(bench.path('new/deep')).mode & 0o777).toBe(0o755);
    expect(readdirSync(bench.path('new/deep'))).toEqual(['a.txt']);
  });

  it('replaces only what was read in this session and is still the same', async () => {
    bench.file('a', 'old\n');
    const write = () => bench.prepare('write', { path: 'a', content: 'new\n' });
    await expect(write()).rejects.toThrow('a exists and was not read in this session: read it first, or use edit');
    await bench.use('read', { path: 'a' }, 'another session');
    await expect(write()).rejects.toThrow('was not read in this session');
    await bench.use('read', { path: 'a' });
    bench.file('a', 'odd\n');
    await expect(write()).rejects.toThrow('a has changed since it was read: read it again');
    // The same content again is no change.
    bench.file('a', 'old\n');
    const call = await write();
    expect(call.detail).toBe('--- a/a\n+++ b/a\n@@ -1 +1 @@\n-old\n+new\n');
    expect(await bench.run(call)).toMatchObject({ output: 'replaced a (4 bytes)', details: { diff: call.detail } });
    // What it wrote itself it knows.
    expect(await bench.use('write', { path: 'a', content: 'newer\n' })).toMatchObject({ isError: false });
  });

  it('writes nothing when the file has changed, has come or has gone since it was looked at', async () => {
    bench.file('a', 'old');
    await bench.use('read', { path: 'a' });
    const changed = await bench.prepare('write', { path: 'a', content: 'new' });
    const come = await bench.prepare('write', { path: 'b', content: 'new' });
    bench.file('a', 'mine');
    bench.file('b', 'mine');
    for (const call of [changed, come]) {
      const outcome = await bench.run(call);
      expect(outcome).toMatchObject({ isError: true });
      expect(outcome.output).toContain('has changed since it was looked at; nothing was written');
    }
    expect([text('a'), text('b')]).toEqual(['mine', 'mine']);
    rmSync(bench.path('a'));
    expect((await bench.run(changed)).output).toContain('has changed since it was looked at');
    expect(readdirSync(bench.workspace)).toEqual(['b']);
  });

  it('keeps the mode, and does not write what is write-protected', async () => {
    chmodSync(bench.file('run.sh', 'a'), 0o751);
    await bench.use('read', { path: 'run.sh' });
    await bench.use('write', { path: 'run.sh', content: 'b' });
    expect(statSync(bench.path('run.sh')).mode & 0o777).toBe(0o751);
    chmodSync(bench.file('locked', 'a'), 0o444);
    await bench.use('read', { path: 'locked' });
    const outcome = await bench.use('write', { path: 'locked', content: 'b' });
    if (process.getuid?.() === 0) return;
    expect(outcome).toEqual({ output: 'write: permission denied', isError: true });
    expect(text('locked')).toBe('a');
  });

  it('goes through a link to the file that it names, and leaves the link', async () => {
    bench.file('real', 'a');
    symlinkSync('real', bench.path('link'));
    await bench.use('read', { path: 'link' });
    const call = await bench.prepare('write', { path: 'link', content: 'b' });
    expect(call.paths).toEqual([bench.path('real')]);
    await bench.run(call);
    expect(text('real')).toBe('b');
    expect(readlinkSync(bench.path('link'))).toBe('real');
  });

  it('does nothing after an abort, and leaves nothing behind', async () => {
    const call = await bench.prepare('write', { path: 'd/a', content: 'x'.repeat(9_000_000) });
    const controller = new AbortController();
    const run = bench.run(call, controller.signal);
    controller.abort();
    expect((await run).isError).toBe(true);
    expect(lstatSync(bench.path('d/a'), { throwIfNoEntry: false })).toBeUndefined();
    const left =
      lstatSync(bench.path('d'), { throwIfNoEntry: false }) === undefined ? [] : readdirSync(bench.path('d'));
    expect(left).toEqual([]);
  });

  it('refuses directories, too much, and names that are none', async () => {
    mkdirSync(bench.path('d'));
    await expect(bench.prepare('write', { path: 'd', content: '' })).rejects.toThrow('d is a directory');
    await expect(bench.prepare('write', { path: 'e/', content: '' })).rejects.toThrow('names a directory');
    const much = 'x'.repeat(10 * 1024 * 1024 + 1);
    await expect(bench.prepare('write', { path: 'f', content: much })).rejects.toThrow('up to 10485760 bytes');
  });
});

describe('what runs at the next login', () => {
  it('is never changed unasked, also where the home folder is the workspace', async () => {
    const place = { ...bench.place(), environment: { HOME: bench.workspace } };
    const prepare = (name: string, args: unknown) => bench.thread.prepare(place, name, JSON.stringify(args));
    const dangers = ['It changes what runs at the next login, or who may log in.'];
    for (const path of ['.bashrc', '.ssh/authorized_keys'])
      expect(await prepare('write', { path, content: 'x' })).toMatchObject({ outside: [], dangers });
    writeFileSync(bench.path('.profile'), 'umask 022');
    expect(await prepare('edit', { path: '.profile', old: '022', new: '0' })).toMatchObject({ dangers });
    expect(await prepare('write', { path: 'src/.bashrc', content: 'x' })).toMatchObject({ dangers: [] });
  });
});

describe('edit', () => {
  it('says nothing of what is in a file outside the workspace before that was read', async () => {
    const outside = join(bench.root, 'outside');
    writeFileSync(outside, 'password = moon');
    const guesses = ['password = sun', 'password = moon'].map((old) => ({ path: outside, old, new: 'x' }));
    for (const guess of guesses)
      await expect(bench.prepare('edit', guess)).rejects.toThrow(/is outside the workspace and was not read/);
    await bench.run(await bench.prepare('read', { path: outside }));
    expect(await bench.prepare('edit', guesses[1])).toMatchObject({ outside: [outside] });
  });

  const edit = (path: string, old: string, young: string, all?: boolean) =>
    bench.use('edit', { path, old, new: young, ...(all === undefined ? {} : { all }) });

  it('replaces what is there once, shows the diff before and tells it after', async () => {
    bench.file('a.ts', Array.from({ length: 20 }, (_, i) => `line ${i + 1}`).join('\n'));
    const call = await bench.prepare('edit', { path: 'a.ts', old: 'line 9\nline 10', new: 'nine\nten\nand more' });
    const diff =
      '--- a/a.ts\n+++ b/a.ts\n@@ -6,8 +6,9 @@\n line 6\n line 7\n line 8\n-line 9\n-line 10\n+nine\n+ten\n+and more\n line 11\n line 12\n line 13\n';
    expect(call).toMatchObject({ effect: 'edit', title: 'edit a.ts', detail: diff, paths: [bench.path('a.ts')] });
    expect(await bench.run(call)).toEqual({ output: `changed a.ts\n${diff}`, isError: false, details: { diff } });
    expect(text('a.ts')).toContain('line 8\nnine\nten\nand more\nline 11');
  });

  it('wants a text that is there exactly once, or all of them to be meant', async () => {
    bench.file('a', 'x = 1;\n  y = 2;\nx = 1;\n');
    await expect(edit('a', 'z', 'w')).rejects.toThrow('the old text is not in a; read it again');
    await expect(edit('a', 'y = 2;\nx = 2', 'w')).rejects.toThrow('what its first line says is in line 2');
    await expect(edit('a', 'x = 1', 'w')).rejects.toThrow('in a 2 times (lines 1, 3)');
    await expect(edit('a', 'x', 'x')).rejects.toThrow('old and new are the same');
    await expect(edit('a', '', 'x')).rejects.toThrow('old must be at least 1 characters long');
    expect((await edit('a', 'x = 1', '$& x', true)).output).toContain('changed a in 2 places');
    expect(text('a')).toBe('$& x;\n  y = 2;\n$& x;\n');
    await expect(edit('none', 'a', 'b')).rejects.toThrow('none does not exist; use write to make it');
  });

  it('keeps CRLF, a byte order mark and bytes that are not UTF-8', async () => {
    bench.file('dos', '\ufeffone\r\ntwo\r\nthree\r\n');
    await edit('dos', 'one\ntwo', '1\n2\n2.5');
    expect(text('dos')).toBe('\ufeff1\r\n2\r\n2.5\r\nthree\r\n');
    bench.file('mixed', 'a\nb\r\nc\n');
    await edit('mixed', 'a', 'A\nAA');
    expect(text('mixed')).toBe('A\nAA\nb\r\nc\n');
    bench.file('latin', Buffer.from('caf\xe9 = 1\n', 'latin1'));
    await edit('latin', '= 1', '= 2');
    expect(readFileSync(bench.path('latin'), 'latin1')).toBe('caf\xe9 = 2\n');
  });

  it('refuses a file that changed since it was read, and one that changed since it was looked at', async () => {
    bench.file('a', 'one two');
    await bench.use('read', { path: 'a' });
    bench.file('a', 'one three');
    await expect(edit('a', 'one', '1')).rejects.toThrow('a has changed since it was read: read it again');
    await bench.use('read', { path: 'a' });
    const call = await bench.prepare('edit', { path: 'a', old: 'one', new: '1' });
    bench.file('a', 'one four');
    expect((await bench.run(call)).output).toContain('a has changed since it was looked at; nothing was written');
    expect(text('a')).toBe('one four');
  });

  it('refuses what is not text, and too much of it', async () => {
    bench.file('blob', Buffer.from('a\0b'));
    await expect(edit('blob', 'a', 'b')).rejects.toThrow('blob is binary (it holds NUL bytes); edit changes text');
    bench.file('large', 'x'.repeat(10 * 1024 * 1024 + 1));
    await expect(edit('large', 'x', 'y')).rejects.toThrow('larger than 10485760 bytes');
    bench.file('newlines', 'a'.repeat(200_000));
    await expect(edit('newlines', 'a', 'b', true)).rejects.toThrow('200000 times: use a command');
  });
});

/** Swaps what is at a path, as quickly as it can, until it is ended. */
async function swapping(script: string, args: readonly string[], work: () => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['-e', `process.stdout.write('up\\n'); for (;;) { ${script} }`, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await work();
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

describe('a path that is swapped while it is used', () => {
  /** Long enough for some calls to get through. */
  const PAUSE = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 6);';
  const FS = 'const fs = require("node:fs"); const [, a, b] = process.argv; try {';

  it.each(['d', 'd/in'])('between looking and doing is refused: %s', async (swapped) => {
    const outside = join(bench.root, 'outside');
    mkdirSync(join(outside, 'in/it'), { recursive: true });
    const there = swapped === 'd' ? 'in/a' : 'a';
    writeFileSync(join(outside, there), 'old');
    bench.file('d/in/a', 'old');
    bench.file('d/in/it/a', 'old');
    await bench.use('read', { path: 'd/in/a' });
    const calls = [
      await bench.prepare('write', { path: 'd/in/a', content: 'new' }),
      await bench.prepare('write', { path: 'd/in/new/b', content: 'new' }),
      await bench.prepare('edit', { path: 'd/in/a', old: 'old', new: 'new' }),
      await bench.prepare('read', { path: 'd/in/a' }),
      await bench.prepare('list', { path: 'd/in' }),
      await bench.prepare('glob', { pattern: '*', path: 'd/in' }),
      await bench.prepare('grep', { pattern: 'old', path: 'd/in' }),
    ];
    renameSync(bench.path(swapped), bench.path('away'));
    symlinkSync(outside, bench.path(swapped));
    for (const call of calls) expect(await bench.run(call)).toMatchObject({ isError: true });
    expect(readdirSync(outside, { recursive: true })).toHaveLength(3);
    expect(readFileSync(join(outside, there), 'utf8')).toBe('old');
  });

  it('a file between looking and doing is refused when it has become a link', async () => {
    const outside = join(bench.root, 'outside');
    writeFileSync(outside, 'old');
    bench.file('a', 'old');
    await bench.use('read', { path: 'a' });
    const calls = [
      await bench.prepare('read', { path: 'a' }),
      await bench.prepare('write', { path: 'a', content: 'new' }),
      await bench.prepare('edit', { path: 'a', old: 'old', new: 'new' }),
      await bench.prepare('grep', { pattern: 'old', path: 'a' }),
    ];
    rmSync(bench.path('a'));
    symlinkSync(outside, bench.path('a'));
    for (const call of calls) expect(await bench.run(call)).toMatchObject({ isError: true });
    expect(readFileSync(outside, 'utf8')).toBe('old');
  });

  it('a directory against a link, over and over: nothing outside is read or written', async () => {
    const outside = join(bench.root, 'outside');
    mkdirSync(outside);
    mkdirSync(join(outside, 'in'));
    writeFileSync(join(outside, 'in/a'), 'outside 0');
    bench.file('d/in/a', 'inside 0');
    const script = `${FS} fs.renameSync(a, a + '.away'); fs.symlinkSync(b, a); fs.unlinkSync(a); fs.renameSync(a + '.away', a); } catch {} ${PAUSE}`;
    let done = 0;
    const deadline = performance.now() + 30_000;
    await swapping(script, [bench.path('d'), outside], async () => {
      for (let round = 0; (round < 300 || done === 0) && performance.now() < deadline; round += 1) {
        const outcome = await attempt(async () => {
          const seen = await bench.prepare('read', { path: 'd/in/a' });
          if (seen.outside.length > 0) return undefined;
          const { output, isError } = await bench.run(seen);
          if (!isError) expect(output).toContain('inside');
          const call = await bench.prepare('write', { path: 'd/in/a', content: `inside ${round + 1}` });
          return call.outside.length > 0 ? undefined : bench.run(call);
        });
        if (outcome?.isError === false) done += 1;
      }
    });
    expect(readFileSync(join(outside, 'in/a'), 'utf8')).toBe('outside 0');
    expect(readdirSync(join(outside, 'in'))).toEqual(['a']);
    expect(done).toBeGreaterThan(0);
  }, 60_000);

  it('a file against a link, over and over: the link’s target stays as it is', async () => {
    const outside = join(bench.root, 'outside');
    writeFileSync(outside, 'outside');
    bench.file('a', 'inside');
    const script = `${FS} fs.symlinkSync(b, a + '.l'); fs.renameSync(a + '.l', a); fs.writeFileSync(a + '.f', 'inside'); fs.renameSync(a + '.f', a); } catch {}`;
    await swapping(script, [bench.path('a'), outside], async () => {
      for (let round = 0; round < 1_000; round += 1) {
        await attempt(async () => {
          const call = await bench.prepare('edit', { path: 'a', old: 'side', new: 'SIDE' });
          return call.outside.length > 0 ? undefined : bench.run(call);
        });
        await attempt(async () => {
          const call = await bench.prepare('read', { path: 'a' });
          if (call.outside.length > 0) return;
          expect((await bench.run(call)).output).not.toContain('outside');
        });
      }
    });
    expect(readFileSync(outside, 'utf8')).toBe('outside');
  }, 60_000);

  it('is found out afterwards where directories cannot be held', async () => {
    bench.file('d/a', 'x');
    mkdirSync(bench.path('other'));
    const held = await holdDirectory(bench.path('d'), undefined, false);
    expect(readFileSync(held.at('a'), 'utf8')).toBe('x');
    await held.check();
    renameSync(bench.path('d'), bench.path('away'));
    symlinkSync('other', bench.path('d'));
    await expect(held.check()).rejects.toThrow('has been moved, or a symbolic link has come into its path');
    await held.close();
    await expect(holdDirectory(bench.path('d'), undefined, false)).rejects.toThrow('a symbolic link');
  });
});

/** @returns undefined for what was refused while it was looked at. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.name === 'ToolRefusal') return undefined;
    throw error;
  }
}

it('the hash in a ticket is that of the content', async () => {
  bench.file('a', 'old');
  const { ticket } = await bench.prepare('edit', { path: 'a', old: 'old', new: 'new' });
  expect(ticket).toMatchObject({
    before: createHash('sha256').update('old').digest('hex'),
    after: createHash('sha256').update('new').digest('hex'),
  });
});
