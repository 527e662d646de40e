/** Sixty-four sessions that write at once against one: what sharing a transaction is worth. */
import { join } from 'node:path';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { Child } from '../support/children.ts';
import { median, ratios, timesText, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { nextStep } from '../support/workload.ts';
import type { WriteOrder, WriteReport } from '../roles/writers.ts';
import { freshSessions, openThread } from './step-in-vault.ts';

const WRITERS = 64;
const ROUNDS = 7;
const MILLISECONDS = 500;
const AT_LEAST = 4;

export const manyWriters: Row = {
  name: 'writers',
  title: '64 sessions writing at once',
  method:
    'Steps a second of 64 writers, each waiting for its own step before the next, against one writer, in alternating half seconds. ' +
    'Once asked of the vault’s thread with messages of 2 KB, once through 64 connections with `session/rename`.',
  run: async () => {
    const dataDirectory = join(makeDirectory(), 'data');
    const vault = await openThread(dataDirectory);
    const sessions = await freshSessions(vault, WRITERS);
    const inVault = await compare((writers) => writeInVault(vault, sessions.slice(0, writers)));
    await vault.close();
    const product = await Product.start(dataDirectory);
    const writers = await Child.ready('writers', [product.socketPath, ...sessions]);
    try {
      const order = (clients: number): WriteOrder => ({ clients, milliseconds: MILLISECONDS });
      const bySocket = await compare((clients) => writers.ask<WriteReport>(order(clients)));
      return [...figures('in the vault', inVault), ...figures('through sockets', bySocket)];
    } finally {
      await writers.end();
      await product.stop();
    }
  },
};

interface Comparison {
  readonly one: WriteReport[];
  readonly many: WriteReport[];
}

async function compare(write: (writers: number) => Promise<WriteReport>): Promise<Comparison> {
  const reports: Comparison = { one: [], many: [] };
  await write(WRITERS);
  for (let round = 0; round < ROUNDS; round += 1) {
    reports.one.push(await write(1));
    reports.many.push(await write(WRITERS));
  }
  return reports;
}

async function writeInVault(vault: VaultPort, sessions: readonly string[]): Promise<WriteReport> {
  const begin = performance.now();
  const times: number[] = [];
  await Promise.all(
    sessions.map(async (sessionId) => {
      for (let now = performance.now(); now < begin + MILLISECONDS;) {
        await vault.append(nextStep(sessionId, 2));
        const after = performance.now();
        times.push(after - now);
        now = after;
      }
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  return { stepsPerSecond: times.length / seconds, p50: median(times), p99: 0 };
}

function figures(where: string, { one, many }: Comparison): Figure[] {
  const rate = (reports: readonly WriteReport[]) => reports.map((report) => report.stepsPerSecond);
  const gain = ratios(rate(many), rate(one));
  const p50 = median(many.map((report) => report.p50));
  return [
    {
      what: `${where}, steps a second (a step of one of the 64 takes ${p50.toFixed(1)} ms)`,
      measured: `${(median(rate(many)) / 1000).toFixed(1)} k/s`,
      baseline: `${(median(rate(one)) / 1000).toFixed(1)} k/s`,
      result: timesText(gain),
      budget: `≥ ${AT_LEAST} ×`,
      isMet: median(gain) >= AT_LEAST,
    },
  ];
}
