/** Notes how late a timer of a few milliseconds comes: what the main thread does to whoever waits for it. */
import { writeFileSync } from 'node:fs';
import { quantile } from '../support/figures.ts';

const BEAT_MS = 5;

export interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly beats: number;
}

/** Beats until the process ends. SIGUSR2 forgets what was noted; each time a second begins, the notes go to the file. */
export function beat(file: string): void {
  let late: number[] = [];
  let due = performance.now() + BEAT_MS;
  const next = (): void => {
    const now = performance.now();
    late.push(Math.max(0, now - due));
    due = now + BEAT_MS;
    setTimeout(next, BEAT_MS);
  };
  setTimeout(next, BEAT_MS);
  process.on('SIGUSR2', () => {
    writeFileSync(file, JSON.stringify(latenessOf(late)));
    late = [];
    due = performance.now() + BEAT_MS;
  });
}

function latenessOf(late: readonly number[]): Lateness {
  return { p50: quantile(late, 0.5), p99: quantile(late, 0.99), max: Math.max(0, ...late), beats: late.length };
}
