import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { pageThrough } from '../../../client/command-line/pager.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';

const PATH = process.env['PATH'] ?? '/usr/bin:/bin';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'm-pager-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function terminal(environment: NodeJS.ProcessEnv) {
  return fakeSurroundings(new FakeDaemon(), { isTTY: true, input: '', environment: { PATH, ...environment } });
}

async function* pieces(count: number, size: number, given: number[] = []): AsyncGenerator<string> {
  for (let index = 0; index < count; index += 1) {
    given.push(index);
    yield `${index} ${'x'.repeat(size)}\n`;
  }
}

/** The whole of it. */
async function whole(count: number, size: number): Promise<string> {
  let text = '';
  for await (const piece of pieces(count, size)) text += piece;
  return text;
}

test('the pager of the person is given everything, and this program writes nothing beside it', async () => {
  const file = join(folder(), 'read');
  const { around, stdout } = terminal({ M_PAGER: `cat > '${file}'`, PAGER: 'false' });
  await pageThrough(around, pieces(300, 10_000));
  expect(readFileSync(file, 'utf8')).toBe(await whole(300, 10_000));
  expect(stdout.text).toBe('');
});

test('less is told to show colours and to end when all fits, unless the person has told it otherwise', async () => {
  const file = join(folder(), 'less');
  await pageThrough(terminal({ PAGER: `cat > /dev/null; echo $LESS > '${file}'` }).around, pieces(1, 1));
  expect(readFileSync(file, 'utf8')).toBe('FRX\n');
  await pageThrough(terminal({ PAGER: `cat > /dev/null; echo $LESS > '${file}'`, LESS: 'S' }).around, pieces(1, 1));
  expect(readFileSync(file, 'utf8')).toBe('S\n');
});

test('a pager that ends early has seen enough: nothing more is fetched', async () => {
  const given: number[] = [];
  const { around, stdout } = terminal({ M_PAGER: 'head -c 10 > /dev/null' });
  await pageThrough(around, pieces(1_000, 100_000, given));
  expect(given.length).toBeLessThan(1_000);
  expect(stdout.text).toBe('');
});

test.each([
  ['a program that is not there', { M_PAGER: 'no-such-pager-of-anybody' }],
  ['a directory', { M_PAGER: '/' }],
  ['none', { M_PAGER: '' }],
  ['cat', { PAGER: 'cat' }],
  ['a terminal that cannot do it', { M_PAGER: 'false', TERM: 'dumb' }],
])('with %s as the pager everything is written plainly', async (_what, environment) => {
  const { around, stdout } = terminal(environment);
  await pageThrough(around, pieces(30, 10_000));
  expect(stdout.text).toBe(await whole(30, 10_000));
});

test('who ends this program ends the pager with it; Ctrl+C is for the pager', async () => {
  const marker = join(folder(), 'runs');
  const { around, signal } = terminal({ M_PAGER: `echo > '${marker}'; exec sleep 600` });
  const paged = pageThrough(around, pieces(1, 1));
  await waitUntil('the pager', () => existsSync(marker));
  signal('SIGINT');
  signal('SIGTERM');
  await paged;
});

test('an error while the text is made ends the pager', async () => {
  const marker = join(folder(), 'read');
  writeFileSync(marker, '');
  async function* broken(): AsyncGenerator<string> {
    yield 'first\n';
    throw new Error('the daemon is gone');
  }
  const { around } = terminal({ M_PAGER: `cat > '${marker}'` });
  await expect(pageThrough(around, broken())).rejects.toThrow('the daemon is gone');
  expect(readFileSync(marker, 'utf8')).toBe('first\n');
});

test('without any choice and without less everything is written plainly, and nothing is complained about', async () => {
  const { around, stdout } = terminal({ PATH: folder() });
  await pageThrough(around, pieces(3, 10));
  expect(stdout.text).toBe(await whole(3, 10));
});
