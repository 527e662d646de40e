/** Clients that write, each to a session of its own, one step after the other, for as long as they are told. */
import { LightClient } from '../support/light-client.ts';
import { tell } from '../support/children.ts';
import { quantile } from '../support/figures.ts';
import { newId } from '../support/workload.ts';

export interface WriteOrder {
  /** How many of the clients write. */
  readonly clients: number;
  readonly milliseconds: number;
}

export interface WriteReport {
  readonly stepsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** @param args the socket, then the sessions. */
export async function write([socketPath = '', ...sessions]: readonly string[]): Promise<void> {
  const writers = await Promise.all(
    sessions.map(async (sessionId) => ({ sessionId, client: await LightClient.connect(socketPath, 5_000) })),
  );
  process.on('message', ({ clients, milliseconds }: WriteOrder) => {
    void report(writers.slice(0, clients), milliseconds);
  });
  tell({ ready: true });
}

async function report(writers: readonly Writer[], milliseconds: number): Promise<void> {
  const begin = performance.now();
  const times = (await Promise.all(writers.map((writer) => writeUntil(writer, begin + milliseconds)))).flat();
  const seconds = (performance.now() - begin) / 1000;
  const answer: WriteReport = {
    stepsPerSecond: times.length / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
  tell(answer);
}

interface Writer {
  readonly sessionId: string;
  readonly client: LightClient;
}

async function writeUntil({ sessionId, client }: Writer, end: number): Promise<number[]> {
  const times: number[] = [];
  for (let now = performance.now(); now < end;) {
    const title = `a title that is as long as a short line of text, number ${times.length}`;
    await client.request('session/rename', { opId: newId(), sessionId, title });
    const after = performance.now();
    times.push(after - now);
    now = after;
  }
  return times;
}
