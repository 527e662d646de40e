/**
 * Frames made by chance against the real transport: ten seconds of them, or M_FUZZ_SECONDS. M_FAULT_SEED repeats a run.
 * A bystander asks the same server all the while.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { chance } from './support/chance.ts';
import type { Report } from './support/frame-fuzz/report.ts';
import { isUnreachable } from './support/frame-fuzz/unreachable.ts';

const SECONDS = Number(process.env['M_FUZZ_SECONDS'] ?? 10);
const CHILD = join(import.meta.dirname, 'support', 'frame-fuzz', 'fuzz-child.ts');
/** For the corpus and for the end, on a machine that does other things too. */
const SPARE_MS = 120_000;
/** In which the bystander is answered, whatever else the server is fed. */
const IN_TIME_MS = 3_000;
const MOST_RSS_BYTES = 700 * 1024 * 1024;

test(
  `frames made by chance for ${SECONDS} s reach every block, hang nothing, and are unnoticed by others`,
  { timeout: SECONDS * 1_000 + SPARE_MS },
  async () => {
    const { seed } = chance();
    const directory = mkdtempSync(join(tmpdir(), 'mz'));
    const path = join(directory, 's');
    const child = spawn(process.execPath, ['--max-old-space-size=512', CHILD, path, String(SECONDS), String(seed)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await exit;
      rmSync(directory, { recursive: true, force: true });
    });

    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect(await lines.next(), said).toEqual({ done: false, value: 'listening' });
    const reported = lines.next();
    let isOver = false;
    void reported.then(() => (isOver = true));
    const bystander = await RawClient.greeted(path);
    let asked = 0;
    let worstMs = 0;
    while (!isOver) {
      const begun = performance.now();
      // The report is on its way before the server closes.
      await Promise.race([bystander.request('history/list', {}, IN_TIME_MS), bystander.closed]);
      if (bystander.isClosed) break;
      worstMs = Math.max(worstMs, performance.now() - begun);
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { value } = await reported;
    expect(value, said).toBeTypeOf('string');
    const report = JSON.parse(value as string) as Report;
    bystander.close();
    await exit;

    process.stdout.write(
      `frames by chance, seed ${seed}: ${report.inputs} inputs, ${report.found} reached something new, ` +
        `${Math.round(report.rssBytes / 1_048_576)} MB; the bystander asked ${asked} times, ${Math.round(worstMs)} ms at most\n`,
    );
    expect(report.problems).toEqual([]);
    expect(report.files).toHaveLength(11);
    expect(report.gaps.filter((gap) => !isUnreachable(gap))).toEqual([]);
    expect(report.rssBytes).toBeLessThan(MOST_RSS_BYTES);
    // Had it been closed before the end, it would not be counted.
    expect(report.connectionsLeft).toBe(1);
    expect(asked).toBeGreaterThan(SECONDS);
  },
);
