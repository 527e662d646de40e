/** The daemon with nothing to do and with much to do: its memory, and how long its main thread keeps others waiting. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../support/children.ts';
import type { Figure, Row } from '../support/figures.ts';
import { residentMegabytes } from '../support/machine.ts';
import { CHILD, makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import type { Lateness } from '../roles/metronome.ts';
import type { WriteOrder, WriteReport } from '../roles/writers.ts';
import { freshSessions, openThread } from './step-in-vault.ts';

const WRITERS = 64;
const SUBSCRIBERS = 50;
const IDLE_MB = 100;
const LOADED_MB = 180;
const STALL_P99_MS = 5;
const STALL_MAX_MS = 20;
const LOAD_MS = 8_000;

export const loadRow: Row = {
  name: 'load',
  title: 'Memory and stalls',
  method:
    'Idle: resident memory five seconds after the first list of a store of 64 sessions, the vault’s thread running. ' +
    'Loaded: 64 connections rename sessions as fast as they are answered while 50 connections are attached to those sessions, for eight seconds; memory is read each 100 ms and the largest value counts. ' +
    'Stalls, in a second run of the same load: a timer of 5 ms on the daemon’s main thread notes how late it comes; a process that does nothing else notes the same at the same time.',
  run: async () => {
    const dataDirectory = join(makeDirectory(), 'data');
    const vault = await openThread(dataDirectory);
    const sessions = await freshSessions(vault, WRITERS);
    await vault.close();
    return [...(await memory(dataDirectory, sessions)), ...(await stalls(dataDirectory, sessions))];
  },
};

async function memory(dataDirectory: string, sessions: readonly string[]): Promise<Figure[]> {
  const product = await Product.start(dataDirectory);
  try {
    await sleep(5_000);
    const idle = residentMegabytes(product.pid) ?? Number.NaN;
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, residentMegabytes(product.pid) ?? 0);
    }, 100);
    const report = await underLoad(product, sessions);
    clearInterval(timer);
    return [
      megabytes('idle, vault’s thread running', idle, IDLE_MB),
      megabytes(`64 writers (${(report.stepsPerSecond / 1000).toFixed(1)} k steps/s), 50 subscribers`, most, LOADED_MB),
    ];
  } finally {
    await product.stop();
  }
}

async function stalls(dataDirectory: string, sessions: readonly string[]): Promise<Figure[]> {
  const directory = makeDirectory();
  const ours = new Notes(join(directory, 'daemon.json'));
  const control = new Notes(join(directory, 'control.json'));
  const product = await Product.start(dataDirectory, {
    nodeOptions: ['--import', join(CHILD, '..', 'roles', 'preload-metronome.ts')],
    environment: { BENCH_NOTES: ours.file },
  });
  const idle = new Child('metronome', [control.file]);
  try {
    await sleep(1_000);
    const take = (): Promise<[Lateness, Lateness]> => Promise.all([ours.take(product.pid), control.take(idle.pid)]);
    await take();
    await underLoad(product, sessions);
    const [daemon, other] = await take();
    const limit = Math.max(STALL_MAX_MS, 2 * other.max);
    return [
      {
        what: 'lateness of the daemon’s main thread under that load, p99',
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
        isMet: daemon.max <= limit,
      },
    ];
  } finally {
    await idle.end();
    await product.stop();
  }
}

/** The load that memory and stalls are measured under. */
async function underLoad(product: Product, sessions: readonly string[]): Promise<WriteReport> {
  const subscribers = await Child.ready('subscribers', [product.socketPath, String(SUBSCRIBERS), ...sessions]);
  const writers = await Child.ready('writers', [product.socketPath, ...sessions]);
  try {
    const order: WriteOrder = { clients: WRITERS, milliseconds: LOAD_MS };
    return await writers.ask<WriteReport>(order);
  } finally {
    await writers.end();
    await subscribers.end();
  }
}

/** What a metronome writes when it is asked to. */
class Notes {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  async take(pid: number): Promise<Lateness> {
    rmSync(this.file, { force: true });
    process.kill(pid, 'SIGUSR2');
    const deadline = performance.now() + 5_000;
    for (;;) {
      try {
        return JSON.parse(readFileSync(this.file, 'utf8')) as Lateness;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      await sleep(10);
    }
  }
}

function megabytes(what: string, value: number, limit: number): Figure {
  return { what, measured: `${value.toFixed(0)} MB`, budget: `≤ ${limit} MB`, isMet: value <= limit };
}
