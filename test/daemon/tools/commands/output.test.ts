/** What a command prints: how much of it a model sees, what is kept, what is shown meanwhile, and at what price. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_KEPT, MAX_LIVE, MAX_OUTPUT, MAX_STRETCH } from '../../../../daemon/tools/commands/limits.ts';
import { CommandBench, Told, until } from './support/command-bench.ts';

const MEBIBYTE = 1024 * 1024;

let bench: CommandBench;
let told: Told;
beforeEach(() => {
  bench = new CommandBench();
  told = new Told();
});
afterEach(async () => {
  expect(await bench.close()).toBe(0);
});

describe('the output of a command', () => {
  test('is shown whole, and not kept, up to what a model is shown', async () => {
    const outcome = await bench.bash(`head -c ${MAX_OUTPUT} /dev/zero | tr '\\0' a`, {}, { told });
    expect(outcome.output).toMatch(new RegExp(`^a{${MAX_OUTPUT}}\\n\\[exit code 0`));
    expect(told.kept).toEqual([]);
    expect(outcome.details).not.toHaveProperty('keptBytes');
  });

  test('beyond it is shown from both ends and kept from its beginning', async () => {
    const outcome = await bench.bash('seq 100000', {}, { told });
    const whole = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join('');
    expect(told.kept.join('')).toBe(whole);
    expect(Math.max(...told.kept.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(MAX_STRETCH);
    const leftOut = whole.length - MAX_OUTPUT;
    const note = `… ${leftOut} bytes left out; the whole output is kept, ${whole.length} bytes, for the person to look at …`;
    expect(outcome.output).toContain(
      `${whole.slice(0, MAX_OUTPUT / 2)}\n${note}\n${whole.slice(-MAX_OUTPUT / 2)}[exit code 0`,
    );
    expect(outcome.details).toMatchObject({ outputBytes: whole.length, keptBytes: whole.length });
  });

  test('shows NUL and replaces what is no UTF-8, also when a character arrives in pieces', async () => {
    const outcome = await bench.bash(`printf 'a\\0b\\xff\\xfec\\xe2'; sleep 0.1; printf '\\x82\\xac \\xe2\\x82'`);
    expect(outcome.output).toMatch(/^a␀b\ufffd\ufffdc€ \ufffd\n\[exit code 0/);
    expect(outcome.output.isWellFormed()).toBe(true);
  });

  test('keeps characters whole where it is cut', async () => {
    const outcome = await bench.bash(`printf x; for i in $(seq 30000); do printf '😀é漢'; done`, {}, { told });
    expect(told.kept.join('')).toBe(`x${'😀é漢'.repeat(30_000)}`);
    expect(told.kept.every((text) => text.isWellFormed() && Buffer.byteLength(text) <= MAX_STRETCH)).toBe(true);
    expect(outcome.output.isWellFormed()).toBe(true);
    expect(outcome.details).toMatchObject({ outputBytes: 270_001, keptBytes: 270_001 });
  });

  test('waits while there is no room for more of it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    told.onKeep = () => promise;
    const outcome = bench.bash('head -c 20000000 /dev/zero | tr "\\0" a; touch done', {}, { told });
    await until(() => told.records.length === 1, 'the start');
    await new Promise((resume) => setTimeout(resume, 2_000));
    expect(existsSync(bench.path('done'))).toBe(false);
    expect(told.kept).toEqual([]);
    resolve();
    await outcome;
    expect(existsSync(bench.path('done'))).toBe(true);
    expect(told.kept.join('')).toHaveLength(20_000_000);
  });

  test('does not keep a cancelled command waiting that there is no room for', async () => {
    const controller = new AbortController();
    told.onKeep = () => {
      controller.abort();
      return new Promise(() => undefined);
    };
    const started = performance.now();
    const outcome = await bench.bash('yes', {}, { told, signal: controller.signal });
    expect(outcome.output).toContain('[cancelled and ended after');
    expect(performance.now() - started).toBeLessThan(25_000);
  });

  test('is lost without loss of the command when it cannot be kept', async () => {
    told.onKeep = () => (told.kept.length === 2 ? Promise.reject(new Error('the disk is full')) : Promise.resolve());
    const outcome = await bench.bash('seq 100000', {}, { told });
    expect(outcome.output).toContain(
      `the output could not be kept beyond its first ${2 * MAX_STRETCH} bytes because the disk is full …`,
    );
    expect(outcome.output).toMatch(/99999\n100000\n\[exit code 0/);
    expect(outcome.details).toMatchObject({ keptBytes: 2 * MAX_STRETCH });
  });

  test('reaches whoever watches a few times a second, the newest of it', async () => {
    const outcome = await bench.bash('head -c 100000000 /dev/zero | tr "\\0" a; echo; echo last', {}, { told });
    expect(outcome.isError).toBe(false);
    expect(Math.max(...told.lives.map(({ text }) => text.length))).toBeLessThanOrEqual(MAX_LIVE);
    const gaps = told.lives.slice(1, -1).map(({ at }, index) => at - (told.lives[index]?.at ?? 0));
    expect(Math.min(...gaps, 100)).toBeGreaterThan(80);
    expect(told.lives.map(({ text }) => text).join('')).toMatch(/characters left out …\n/);
    expect(told.lives.at(-1)?.text).toMatch(/a\nlast\n$/);
  });

  test(
    'of a thousand million bytes ends, in little memory, and keeps the first of it',
    { timeout: 180_000 },
    async () => {
      let keptBytes = 0;
      told.keep = (text) => {
        keptBytes += Buffer.byteLength(text);
        return Promise.resolve();
      };
      let highest = 0;
      const before = process.memoryUsage().rss;
      const watch = setInterval(() => {
        highest = Math.max(highest, process.memoryUsage().rss);
      }, 50);
      const command = 'head -c 1000000000 /dev/zero | tr "\\0" a; echo end';
      const outcome = await bench.bash(command, { timeoutSeconds: 170 }, { told });
      clearInterval(watch);
      expect(outcome.details).toMatchObject({ exitCode: 0, outputBytes: 1_000_000_004, keptBytes: MAX_KEPT });
      expect(outcome.output).toContain(`the first ${MAX_KEPT} of 1000000004 bytes are kept`);
      expect(outcome.output).toMatch(/a+end\n\[exit code 0/);
      expect(keptBytes).toBe(MAX_KEPT);
      expect((highest - before) / MEBIBYTE).toBeLessThan(200);
    },
  );
});
