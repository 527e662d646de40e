/** The daemon with nothing to do and with much to do: its memory, and how long its main thread keeps others waiting. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../support/children.ts';
import { megabytes, type Figure, type Row } from '../support/figures.ts';
import { MemoryWatch, residentMegabytes } from '../support/machine.ts';
import { makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { Watched } from '../support/watched.ts';
import type { WriteOrder, WriteReport } from '../roles/writers.ts';
import { freshSessions, openThread } from './step-in-vault.ts';

const WRITERS = 64;
const SUBSCRIBERS = 50;
const IDLE_MB = 100;
const LOADED_MB = 180;
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
    const memory = new MemoryWatch(product.pid);
    const report = await underLoad(product, sessions);
    const most = memory.end();
    return [
      megabytes('idle, vault’s thread running', idle, IDLE_MB),
      megabytes(`64 writers (${(report.stepsPerSecond / 1000).toFixed(1)} k steps/s), 50 subscribers`, most, LOADED_MB),
    ];
  } finally {
    await product.stop();
  }
}

async function stalls(dataDirectory: string, sessions: readonly string[]): Promise<Figure[]> {
  const watched = await Watched.start(dataDirectory);
  try {
    await underLoad(watched.product, sessions);
    return await watched.figures('that load');
  } finally {
    await watched.end();
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
