/** Many at once: two hundred clients, sixty-four sessions that stream, a store of long and many sessions, one client that stalls. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bigStore } from '../support/big-store.ts';
import { Child } from '../support/children.ts';
import { limitFigure, megabytes, type Figure, type Row } from '../support/figures.ts';
import type { LightClient } from '../support/light-client.ts';
import { MemoryWatch } from '../support/machine.ts';
import type { Product } from '../support/product.ts';
import { timeOnce } from '../support/rounds.ts';
import { Watched } from '../support/watched.ts';
import { newId } from '../support/workload.ts';
import { processorTimeOf, writeEvents } from './fan-out.ts';

const CLIENTS = 200;
const STREAMS = 64;
/** As many as have watchers; each is watched by fifty clients. */
const WATCHED_STREAMS = 4;
const PROMPT = 'count to 200 every 20 ms';
const CPU_LIMIT_US = 3;
const STALLED_EVENTS = 200_000;
const STALLED_LIMIT_MB = 2;
const LIST_MS = 15;
const ATTACH_MS = 25;
const DEADLINE_MS = 120_000;

export const crowdRow: Row = {
  name: 'crowd',
  title: '200 clients, 64 sessions that stream, 10,000 sessions, one of 100,000 messages',
  method:
    `demo/offline is asked to \`${PROMPT}\` in 64 sessions of the large store at once: first with nobody attached, then with 200 clients attached to four of them, fifty to each, then again while another client asks for the first page of the list and for the end of the longest session, by turns. ` +
    'Processor time is the difference between the first two, divided by the events that arrived. ' +
    'Then one of the clients attaches to another session and stops reading while 200,000 events of 100 bytes are written there; the baseline of its memory is the most that 200,000 such events need with nobody attached.',
  run: async () => {
    const store = await bigStore();
    const watched = await Watched.start(store.dataDirectory);
    const writer = await watched.product.client();
    try {
      const streams = store.short.slice(0, STREAMS);
      const streaming = await streamed(watched, writer, { streams, longest: store.longest });
      return [...streaming, ...(await stalled(watched.product, writer, store.long))];
    } finally {
      writer.close();
      await watched.end();
    }
  },
};

async function streamed(
  watched: Watched,
  writer: LightClient,
  { streams, longest }: { streams: readonly string[]; longest: string },
): Promise<Figure[]> {
  const { product } = watched;
  await stream(writer, streams);
  const memoryAlone = new MemoryWatch(product.pid);
  const alone = await processorTimeOf(product.pid, () => stream(writer, streams));
  const aloneMegabytes = memoryAlone.end();
  const crowd = await Child.ready('subscribers', [
    product.socketPath,
    String(CLIENTS),
    ...streams.slice(0, WATCHED_STREAMS),
  ]);
  try {
    const before = await eventsOf(crowd);
    await watched.begin();
    const memory = new MemoryWatch(product.pid);
    const together = await processorTimeOf(product.pid, () => stream(writer, streams));
    const stalls = await watched.figures('64 streams to 200 clients');
    const events = (await eventsOf(crowd)) - before;
    const each = ((together - alone) * 1000) / events;
    return [
      {
        what: `processor time for each client and event (${events} events)`,
        measured: `${each.toFixed(2)} µs`,
        budget: `≤ ${CPU_LIMIT_US} µs`,
        isMet: each <= CPU_LIMIT_US,
      },
      {
        ...megabytes('resident memory under 64 streams to 200 clients', memory.end()),
        baseline: `${aloneMegabytes.toFixed(0)} MB`,
      },
      ...stalls,
      ...(await asked(product, stream(writer, streams), longest)),
    ];
  } finally {
    await crowd.end();
  }
}

/** What somebody waits for who comes while all of it goes on. */
async function asked(product: Product, load: Promise<void>, longest: string): Promise<Figure[]> {
  const client = await product.client();
  let isOver = false;
  const over = load.then(() => {
    isOver = true;
  });
  const lists: number[] = [];
  const attaches: number[] = [];
  while (!isOver) {
    lists.push(await timeOnce(() => client.request('session/list', { limit: 50 })));
    attaches.push(await timeOnce(() => client.request('session/attach', { sessionId: longest, tail: 50 })));
    await client.request('session/detach', { sessionId: longest });
    await sleep(50);
  }
  await over;
  client.close();
  return [
    limitFigure('first page of the list meanwhile', lists, { unit: 'ms', limit: LIST_MS }),
    limitFigure('end of the longest session meanwhile', attaches, { unit: 'ms', limit: ATTACH_MS }),
  ];
}

async function stalled(product: Product, writer: LightClient, sessionId: string): Promise<Figure[]> {
  const write = async (): Promise<number> => {
    const memory = new MemoryWatch(product.pid);
    await writeEvents(writer, sessionId, STALLED_EVENTS, 100);
    return memory.end();
  };
  const nobody = await write();
  const reader = await Child.ready('subscribers', [product.socketPath, '1', sessionId]);
  await reader.ask({ kind: 'stall' });
  const one = await write();
  await reader.end();
  return [
    {
      what: 'most memory with a client that stalls for 200,000 events',
      measured: `${one.toFixed(0)} MB`,
      baseline: `${nobody.toFixed(0)} MB`,
      result: `${(one - nobody).toFixed(1)} MB more`,
      budget: `≤ ${STALLED_LIMIT_MB} MB`,
      isMet: one - nobody <= STALLED_LIMIT_MB,
    },
  ];
}

/** One turn in each session at the same time, until all have ended. */
async function stream(client: LightClient, sessions: readonly string[]): Promise<void> {
  const prompt = [{ type: 'text', text: PROMPT }];
  await Promise.all(
    sessions.map((sessionId) =>
      client.request('turn/submit', { opId: newId(), target: { kind: 'session', sessionId }, prompt }),
    ),
  );
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    await sleep(200);
    const { sessions: newest } = await client.request<{ sessions: { status: string }[] }>('session/list', {
      limit: sessions.length,
    });
    const busy = newest.filter(({ status }) => status !== 'idle').length;
    if (busy === 0) return;
    if (performance.now() > deadline) throw new Error(`${busy} turns have not ended`);
  }
}

async function eventsOf(crowd: Child): Promise<number> {
  const { events } = await crowd.ask<{ events: number }>({ kind: 'count' });
  return events;
}
