/** One event to fifty attached clients, and what a client costs that takes nothing. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../support/children.ts';
import { median, type Figure, type Row } from '../support/figures.ts';
import type { LightClient } from '../support/light-client.ts';
import { processorTime, residentMegabytes } from '../support/machine.ts';
import { makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { newId } from '../support/workload.ts';
import { freshSessions, openThread } from './step-in-vault.ts';

const CLIENTS = 50;
const EVENTS = 6_000;
const ROUNDS = 3;
const CPU_LIMIT_US = 3;
const STALLED = 20;
/** Far beyond what a client may have unsent. */
const STALLED_EVENTS = 20_000;
const STALLED_LIMIT_MB = 2;
/** Requests that are under way at once: events come in bursts, as those of several busy sessions do. */
const AT_ONCE = 32;

export const fanOut: Row = {
  name: 'fan-out',
  title: 'Event to 50 attached clients',
  method:
    'A writer renames a session as fast as it can with 32 requests under way, 6,000 times with nobody attached and 6,000 times with 50 clients attached; the difference in the daemon’s processor time, all threads, kernel included, is divided by clients and events. ' +
    'For the stalled client, 20 clients attach and stop reading while 20,000 events of 1 KB are written; the growth of the daemon’s memory over the same writes with nobody attached is divided by 20.',
  run: async () => {
    const dataDirectory = join(makeDirectory(), 'data');
    const vault = await openThread(dataDirectory);
    const sessions = await freshSessions(vault, 2);
    await vault.close();
    return [...(await cost(dataDirectory, sessions[0] ?? '')), ...(await stalled(dataDirectory, sessions[1] ?? ''))];
  },
};

async function cost(dataDirectory: string, sessionId: string): Promise<Figure[]> {
  const product = await Product.start(dataDirectory);
  const writer = await product.client();
  try {
    await writeEvents(writer, sessionId, EVENTS, 60);
    const perEvent: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const alone = await processorTimeOf(product.pid, () => writeEvents(writer, sessionId, EVENTS, 60));
      const subscribers = await Child.ready('subscribers', [product.socketPath, String(CLIENTS), sessionId]);
      const before = await subscribers.ask<{ events: number }>({ kind: 'count' });
      const attached = await processorTimeOf(product.pid, () => writeEvents(writer, sessionId, EVENTS, 60));
      await arrived(subscribers, before.events + EVENTS * CLIENTS);
      await subscribers.end();
      perEvent.push(((attached - alone) * 1000) / (EVENTS * CLIENTS));
    }
    const value = median(perEvent);
    return [
      {
        what: 'processor time for each client and event',
        measured: `${value.toFixed(2)} µs (${perEvent.map((one) => one.toFixed(2)).join(', ')})`,
        budget: `≤ ${CPU_LIMIT_US} µs`,
        isMet: value <= CPU_LIMIT_US,
      },
    ];
  } finally {
    writer.close();
    await product.stop();
  }
}

async function stalled(dataDirectory: string, sessionId: string): Promise<Figure[]> {
  const growth = async (clients: number): Promise<number> => {
    const product = await Product.start(dataDirectory);
    const writer = await product.client();
    await writeEvents(writer, sessionId, 2_000, 900);
    const subscribers = await Child.ready('subscribers', [product.socketPath, String(clients), sessionId]);
    await subscribers.ask({ kind: 'stall' });
    const before = residentMegabytes(product.pid) ?? Number.NaN;
    await writeEvents(writer, sessionId, STALLED_EVENTS, 900);
    const after = residentMegabytes(product.pid) ?? Number.NaN;
    await subscribers.end();
    writer.close();
    await product.stop();
    return after - before;
  };
  const nobody = await growth(0);
  const many = await growth(STALLED);
  const each = (many - nobody) / STALLED;
  return [
    {
      what: 'memory for each stalled client',
      measured: `${Math.max(0, each).toFixed(2)} MB (${STALLED} clients: ${many.toFixed(0)} MB, nobody: ${nobody.toFixed(0)} MB)`,
      budget: `≤ ${STALLED_LIMIT_MB} MB`,
      isMet: each <= STALLED_LIMIT_MB,
    },
  ];
}

/** Renames the session so many times; each is one event. */
export async function writeEvents(
  client: LightClient,
  sessionId: string,
  count: number,
  length: number,
): Promise<void> {
  let started = 0;
  const loop = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      const title = `${started} `.padEnd(length, 'x');
      await client.request('session/rename', { opId: newId(), sessionId, title });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
}

export async function processorTimeOf(pid: number, action: () => Promise<void>): Promise<number> {
  const before = processorTime(pid) ?? Number.NaN;
  await action();
  return (processorTime(pid) ?? Number.NaN) - before;
}

async function arrived(subscribers: Child, events: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { events: so } = await subscribers.ask<{ events: number }>({ kind: 'count' });
    if (so >= events) return;
    if (performance.now() > deadline) throw new Error(`only ${so} of ${events} events arrived`);
    await sleep(50);
  }
}
