/** What a person waits for: the first screen of a long session, the first page of many, a fork. */
import type { Client } from '../../../client/connection/api.ts';
import { bigStore } from '../support/big-store.ts';
import { limitFigure, type Figure, type Row } from '../support/figures.ts';
import { Product } from '../support/product.ts';
import { timeOnce } from '../support/rounds.ts';
import { newId } from '../support/workload.ts';

const ATTACH_MS = 25;
const LIST_MS = 15;
const FORK_MS = 10;
const TIMES = 31;
const STARTS = 5;

export const attachRow: Row = {
  name: 'attach',
  title: 'Attach to a session of 100,000 messages',
  method:
    'From the call of `attach` in the typed client until the first screen (the newest 50 events) is there. “First” is the first one after a start of the daemon, with nothing of the session in memory.',
  run: async () => {
    const { longest } = await bigStore();
    const attach = async (client: Client): Promise<void> => {
      const attachment = await client.attach(longest, {
        opened: () => undefined,
        resumed: () => undefined,
        event: () => undefined,
        ended: () => undefined,
      });
      await attachment.detach();
    };
    return await firstAndLater(attach, ATTACH_MS, 'first screen');
  },
};

export const listRow: Row = {
  name: 'list',
  title: 'List of 10,000 sessions, first page',
  method:
    'One `session/list` of 50 rows with the typed client. “First” is the first one after a start of the daemon. “After a change” follows a write, which puts a session at the top.',
  run: async () => {
    const { short } = await bigStore();
    const list = async (client: Client): Promise<void> => {
      const { sessions } = await client.call('session/list', { limit: 50 });
      if (sessions.length !== 50) throw new Error('the page is not full');
    };
    const figures = await firstAndLater(list, LIST_MS, 'first page');
    const changed = await withClient((client) =>
      times(TIMES, async (index) => {
        const sessionId = short[index % short.length] ?? '';
        await client.call('session/rename', { opId: newId(), sessionId, title: `changed ${index}` });
        return await timeOnce(() => list(client));
      }),
    );
    return [...figures, limitFigure('first page after a change', changed, { unit: 'ms', limit: LIST_MS })];
  },
};

export const forkRow: Row = {
  name: 'fork',
  title: 'Fork of a session of 10,000 messages',
  method:
    'One `session/fork` with the typed client, at the last turn and at turn 3 of 5,000; forks of forks are not counted.',
  run: async () => {
    const { long } = await bigStore();
    return await withClient(async (client) => {
      const fork = (turn: number): Promise<number> =>
        timeOnce(() => client.call('session/fork', { opId: newId(), sessionId: long, turn }));
      const first = await fork(2_500);
      const atEnd = await times(TIMES, () => fork(5_000));
      const early = await times(TIMES, () => fork(3));
      const limit = { unit: 'ms', limit: FORK_MS };
      return [
        limitFigure('at the end', atEnd, limit),
        limitFigure('at turn 3', early, limit),
        limitFigure('first fork after a start, in the middle', [first], limit),
      ];
    });
  },
};

async function firstAndLater(act: (client: Client) => Promise<void>, limit: number, what: string): Promise<Figure[]> {
  const first = await times(STARTS, () => withClient((client) => timeOnce(() => act(client)), false));
  const later = await withClient((client) => times(TIMES, () => timeOnce(() => act(client))));
  return [
    limitFigure(what, later, { unit: 'ms', limit }),
    limitFigure(`${what}, first after a start`, first, { unit: 'ms', limit }),
  ];
}

/** @param isWarm whether the daemon has listed before; opening the store is not what is measured either way. */
async function withClient<T>(act: (client: Client) => Promise<T>, isWarm = true): Promise<T> {
  const { dataDirectory } = await bigStore();
  const product = await Product.start(dataDirectory, { isWarm });
  const client = await product.typedClient();
  try {
    return await act(client);
  } finally {
    await client.close();
    await product.stop();
  }
}

async function times(count: number, measure: (index: number) => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let index = 0; index < count; index += 1) values.push(await measure(index));
  return values;
}
