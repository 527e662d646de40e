/** A daemon whose main thread is watched, beside a process that does nothing else. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lateness } from '../roles/metronome.ts';
import { Child } from './children.ts';
import type { Figure } from './figures.ts';
import { CHILD, makeDirectory } from './places.ts';
import { Product } from './product.ts';

const STALL_P99_MS = 5;
const STALL_MAX_MS = 20;

export class Watched {
  readonly product: Product;
  readonly #idle: Child;
  readonly #ours: string;
  readonly #control: string;

  private constructor(product: Product, idle: Child, files: { ours: string; control: string }) {
    this.product = product;
    this.#idle = idle;
    this.#ours = files.ours;
    this.#control = files.control;
  }

  static async start(dataDirectory: string): Promise<Watched> {
    const directory = makeDirectory();
    const files = { ours: join(directory, 'daemon.json'), control: join(directory, 'control.json') };
    const product = await Product.start(dataDirectory, {
      nodeOptions: ['--import', join(CHILD, '..', 'roles', 'preload-metronome.ts')],
      environment: { BENCH_NOTES: files.ours },
    });
    const watched = new Watched(product, new Child('metronome', [files.control]), files);
    await sleep(1_000);
    await watched.begin();
    return watched;
  }

  /** Forgets what was noted until now. */
  async begin(): Promise<void> {
    await this.#take();
  }

  /** How late the timers of both were since `begin`, under what is named. */
  async figures(load: string): Promise<Figure[]> {
    const [daemon, other] = await this.#take();
    return [
      {
        what: `lateness of the daemon’s main thread under ${load}, p99`,
        measured: `${daemon.p99.toFixed(1)} ms`,
        baseline: `${other.p99.toFixed(1)} ms`,
        budget: `≤ ${STALL_P99_MS} ms`,
        isMet: daemon.p99 <= STALL_P99_MS,
      },
      {
        what: `the same, longest of ${daemon.beats}`,
        measured: `${daemon.max.toFixed(1)} ms`,
        baseline: `${other.max.toFixed(1)} ms`,
        budget: `≤ ${STALL_MAX_MS} ms or 2 × the other process`,
        isMet: daemon.max <= Math.max(STALL_MAX_MS, 2 * other.max),
      },
    ];
  }

  async end(): Promise<void> {
    await this.#idle.end();
    await this.product.stop();
  }

  #take(): Promise<[Lateness, Lateness]> {
    return Promise.all([notesOf(this.product.pid, this.#ours), notesOf(this.#idle.pid, this.#control)]);
  }
}

/** What a metronome writes when it is asked to. */
async function notesOf(pid: number, file: string): Promise<Lateness> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Lateness;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(10);
  }
}
