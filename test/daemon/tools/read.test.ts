import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workbench } from './support/workbench.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const numbered = (...lines: string[]) => lines.map((line, i) => `${String(i + 1).padStart(6)}\t${line}`).join('\n');

describe('read', () => {
  it('shows numbered lines', async () => {
    bench.file('a.txt', 'one\ntwo\n\nfour');
    const outcome = await bench.use('read', { path: 'a.txt' });
    expect(outcome).toEqual({ output: numbered('one', 'two', '', 'four'), isError: false });
  });

  it('shows a stretch of lines and says how to go on', async () => {
    bench.file('b.txt', Array.from({ length: 30 }, (_, i) => `line ${i + 1}`).join('\n'));
    const { output } = await bench.use('read', { path: 'b.txt', offset: 11, limit: 2 });
    expect(output).toBe('    11\tline 11\n    12\tline 12\n(lines 11 to 12 of 30; go on with offset 13)');
  });

  it('says that a file is empty, and that there is nothing beyond its end', async () => {
    bench.file('empty', '');
    expect((await bench.use('read', { path: 'empty' })).output).toBe('(the file is empty)');
    bench.file('short', 'one\n');
    expect(await bench.use('read', { path: 'short', offset: 5 })).toEqual({
      output: 'short has 1 lines; there is none from 5 on',
      isError: true,
    });
  });

  it('cuts what is longer than one answer, and says so', async () => {
    bench.file('long.txt', `${'x'.repeat(100)}\n`.repeat(1_500));
    const { output } = await bench.use('read', { path: 'long.txt' });
    expect(Buffer.byteLength(output)).toBeLessThan(52 * 1024);
    expect(output).toMatch(/\(lines 1 to 474 of 1500; go on with offset 475\)$/);
  });

  it('cuts a long line between characters, and says how long it is', async () => {
    bench.file('wide.txt', `${'é'.repeat(9_000)}\nnext`);
    const { output } = await bench.use('read', { path: 'wide.txt' });
    expect(output).toBe(`${numbered(`${'é'.repeat(2_000)} […] (line of 18000 bytes, cut)`, 'next')}`);
  });

  it('shows what is not UTF-8 with a replacement character, and NUL with a picture, and says so', async () => {
    bench.file('bad.txt', Buffer.concat([Buffer.from('a\xff', 'latin1'), Buffer.from('\nend\n')]));
    const bad = await bench.use('read', { path: 'bad.txt' });
    expect(bad.output).toBe(`${numbered('a\ufffd', 'end')}\n(some bytes are not valid UTF-8 and are shown as \ufffd)`);
    bench.file('late-nul.txt', `${'text\n'.repeat(2_000)}x\0y\n`);
    const nul = await bench.use('read', { path: 'late-nul.txt', offset: 2_001 });
    expect(nul.output).toBe('  2001\tx\u2400y\n(lines 2001 to 2001 of 2001)\n(NUL bytes are shown as \u2400)');
  });

  it('says when lines end in CRLF and when there is a byte order mark', async () => {
    bench.file('dos.txt', '\ufeffone\r\ntwo\r\n');
    const { output } = await bench.use('read', { path: 'dos.txt' });
    expect(output).toBe(`${numbered('one', 'two')}\n(lines end in CRLF)\n(the file begins with a byte order mark)`);
  });

  it.each([
    ['image/png', Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1')],
    ['image/jpeg', Buffer.from('\xff\xd8\xff\xe0rest', 'latin1')],
    ['image/gif', Buffer.from('GIF89arest', 'latin1')],
    ['image/webp', Buffer.from('RIFF\x04\0\0\0WEBPVP8 ', 'latin1')],
  ])('gives %s as an image', async (mediaType, data) => {
    bench.file('image', data);
    const outcome = await bench.use('read', { path: 'image' });
    expect(outcome.images).toEqual([{ type: 'image', mediaType, data: data.toString('base64') }]);
    expect(outcome.isError).toBe(false);
  });

  it('refuses an image that is too large for a model', async () => {
    bench.file('huge.png', '\x89PNG');
    writeFileSync(
      bench.path('huge.png'),
      Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(4e6)]),
    );
    const outcome = await bench.use('read', { path: 'huge.png' });
    expect(outcome).toEqual({
      output: 'huge.png is an image of 4000008 bytes; up to 3932160 can be shown. Make it smaller',
      isError: true,
    });
  });

  it('refuses binary files and says what they are', async () => {
    bench.file('doc.pdf', '%PDF-1.7\n');
    expect((await bench.use('read', { path: 'doc.pdf' })).output).toBe(
      'doc.pdf is not shown: it is a PDF document, 9 bytes',
    );
    bench.file('blob', Buffer.from([1, 2, 0, 3]));
    expect((await bench.use('read', { path: 'blob' })).output).toBe(
      'blob is not shown: it is binary (it holds NUL bytes), 4 bytes',
    );
    bench.file('wide16.txt', Buffer.from('\xff\xfeh\0i\0', 'latin1'));
    expect((await bench.use('read', { path: 'wide16.txt' })).output).toContain('UTF-16 text; convert it to UTF-8');
  });

  it('refuses directories, pipes, sockets and devices before anything is opened', async () => {
    mkdirSync(bench.path('dir'));
    await expect(bench.prepare('read', { path: 'dir' })).rejects.toThrow('dir is a directory; use list');
    execFileSync('mkfifo', [bench.path('pipe')]);
    await expect(bench.prepare('read', { path: 'pipe' })).rejects.toThrow('pipe is a named pipe; only plain files');
    const server = createServer().listen(bench.path('sock'));
    await expect.poll(() => server.listening).toBe(true);
    await expect(bench.prepare('read', { path: 'sock' })).rejects.toThrow('sock is a socket');
    server.close();
    await expect(bench.prepare('read', { path: '/dev/zero' })).rejects.toThrow('/dev/zero is a device');
  });

  it('says what is wrong with its arguments', async () => {
    await expect(bench.prepare('read', {})).rejects.toThrow('read does not understand its arguments: path is missing');
    await expect(bench.prepare('read', { path: 'a', lines: 3 })).rejects.toThrow('there is no lines');
    await expect(bench.prepare('read', { path: 'a', offset: 0 })).rejects.toThrow('offset must be at least 1');
    await expect(bench.prepare('read', { path: 7 })).rejects.toThrow('path must be of type string');
    await expect(bench.prepare('read', [])).rejects.toThrow('they must be of type object');
    await expect(bench.prepare('read', { path: 'a\0b' })).rejects.toThrow('the path contains a NUL byte');
    await expect(bench.prepare('read', { path: '' })).rejects.toThrow('the path is empty');
    await expect(bench.prepare('read', { path: 'x'.repeat(5_000) })).rejects.toThrow('longer than 4096 bytes');
    await expect(bench.prepare('read', { path: 'n'.repeat(300) })).rejects.toThrow('the name is too long');
    await expect(bench.thread.prepare(bench.place(), 'read', '{"path":')).rejects.toThrow('not valid JSON');
    await expect(bench.prepare('rad', {})).rejects.toThrow('there is no tool named rad; there are read, write, edit');
    await expect(bench.prepare('read', { path: 'no/such' })).rejects.toThrow('no/such does not exist');
  });

  it('reads from a file of 1 GB without holding it, and stops in the middle of it', async () => {
    bench.file('sparse', 'first\n');
    truncateSync(bench.path('sparse'), 1024 ** 3);
    writeFileSync(bench.path('lines'), 'a line of text in a large file\n'.repeat(32_768).repeat(16));
    truncateSync(bench.path('lines'), 1024 ** 3);
    const before = process.memoryUsage().rss;
    const beginning = await bench.use('read', { path: 'lines', limit: 2 });
    expect(beginning.output).toMatch(/go on with offset 3\)$/);
    // The rest of the file is one line of NUL bytes: all of it is gone through.
    const end = await bench.use('read', { path: 'lines', offset: 524_289 });
    expect(end.output).toContain('(line of 1057488896 bytes, cut)');
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);

    const controller = new AbortController();
    const call = await bench.prepare('read', { path: 'lines', offset: 524_289 });
    const began = performance.now();
    const stopped = bench.run(call, controller.signal);
    // An answer to a later call: the run has begun.
    await bench.prepare('read', { path: 'sparse' });
    controller.abort();
    expect(await stopped).toEqual({ output: 'read: cancelled; nothing was changed', isError: true });
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('never follows a link that has come since it was prepared', async () => {
    bench.file('real.txt', 'mine');
    writeFileSync(join(bench.root, 'secret'), 'not yours');
    const call = await bench.prepare('read', { path: 'real.txt' });
    execFileSync('rm', [bench.path('real.txt')]);
    symlinkSync(join(bench.root, 'secret'), bench.path('real.txt'));
    const outcome = await bench.run(call);
    expect(outcome.isError).toBe(true);
    expect(outcome.output).toContain('real.txt is a symbolic link');
  });
});
