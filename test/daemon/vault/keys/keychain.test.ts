import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callKeychain, type KeychainCall } from '../../../../daemon/vault/keys/keychain.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mk'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A helper that does what a test wants. */
function helper(source: string): string {
  const file = join(directory, 'helper.cjs');
  writeFileSync(file, source);
  return file;
}

function call(source: string, options: Partial<KeychainCall> = {}) {
  const request = { operation: 'get', account: 'root:1', environment: {}, deadlineMs: 10_000, ...options } as const;
  return callKeychain(request, helper(source));
}

test('a helper that hangs is ended at the deadline', async () => {
  const started = performance.now();
  const pidFile = join(directory, 'pid');
  const hang = `require('fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`;
  expect(await call(hang, { deadlineMs: 1_000 })).toEqual({ kind: 'TIMEOUT', detail: 'no answer within 1 s' });
  expect(performance.now() - started).toBeLessThan(3_000);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const deadline = performance.now() + 5_000;
  const isAlive = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (isAlive()) {
    expect(performance.now()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('something the helper has started and that keeps its output open does not hold the answer up', async () => {
  const leave = `require('child_process').spawn('sleep', ['5'], { stdio: ['ignore', 'inherit', 'ignore'], detached: true }).unref();
    setTimeout(() => process.exit(), 100);`;
  const started = performance.now();
  expect((await call(leave, { deadlineMs: 1_000 })).kind).toBe('TIMEOUT');
  expect(performance.now() - started).toBeLessThan(3_000);
});

test.each([
  ['says nothing', ''],
  ['crashes', 'process.abort()'],
  ['prints what is no answer', "console.log('warning: something')"],
  ['prints an answer of another version', `console.log('{"kind":"MAYBE"}')`],
  ['prints without end', `for (;;) require('fs').writeSync(1, 'x'.repeat(4096));`],
  ['cannot be loaded', 'syntax error'],
])('a helper that %s is no proof that there is no keychain', async (_what, source) => {
  expect((await call(source)).kind).toBe('TIMEOUT');
});

test('the key comes back byte by byte, line ends included', async () => {
  const secret = Buffer.from([0, 10, 13, 255, 10, 65]);
  const echo = `const all = require('fs').readFileSync(0);
    require('fs').writeSync(1, '{"kind":"FOUND","detail":""}\\n');
    require('fs').writeSync(1, all.subarray(all.indexOf(10) + 1));`;
  const answer = await call(echo, { operation: 'set', secret });
  expect(answer).toEqual({ kind: 'FOUND', secret });
});

test('the helper gets the variables that a keychain needs and nothing else, and no secret on its command line', async () => {
  process.env['M_TEST_CANARY'] = 'canary-of-the-daemon';
  const tell = `const { writeSync } = require('fs');
    writeSync(1, JSON.stringify({ kind: 'DONE', detail: JSON.stringify([process.argv, process.env]) }) + '\\n');`;
  const environment = {
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/of/the/client',
    API_KEY: 'canary-of-the-client',
    DISPLAY: 'a\0b',
  };
  const answer = await call(tell, { operation: 'set', secret: Buffer.from('canary-of-the-key'), environment });
  delete process.env['M_TEST_CANARY'];
  expect(answer.kind).toBe('DONE');
  const told = answer.kind === 'FOUND' ? '' : answer.detail;
  expect(told).toContain('unix:path=/of/the/client');
  expect(told).not.toContain('canary');
  expect(told).not.toContain('DISPLAY":"a');
});
