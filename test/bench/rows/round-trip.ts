/** A request and its answer on the socket, against bytes that are sent back. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { bigStore } from '../support/big-store.ts';
import { Child } from '../support/children.ts';
import { ratios, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { interleave } from '../support/rounds.ts';

const LIMIT = 2;
/** A session that does not exist: the daemon has nothing to do but to answer. */
const NOBODY = '00000000000000000000000000';

export const roundTrip: Row = {
  name: 'round-trip',
  title: 'Request round trip',
  method:
    'The product’s typed client asks for something that costs nothing (`session/detach` of a session it is not attached to), one request after the other; the baseline is an echo of 120 bytes over a Unix socket between two Node processes. ' +
    'Round trips are bimodal with the scheduler’s mood, so the best of many rounds counts on both sides.',
  run,
};

async function run(): Promise<Figure[]> {
  const { dataDirectory } = await bigStore();
  const socketPath = join(makeDirectory(), 'e.sock');
  const echo = await Child.ready('echo-server', [socketPath]);
  const product = await Product.start(dataDirectory);
  const client = await product.typedClient();
  const light = await product.client();
  const raw = connect(socketPath);
  await once(raw, 'connect');
  const bytes = Buffer.alloc(120, 'x');
  try {
    const times = await interleave(
      {
        echo: () =>
          new Promise<void>((resolve) => {
            raw.once('data', () => {
              resolve();
            });
            raw.write(bytes);
          }),
        typed: async () => {
          await client.call('session/detach', { sessionId: NOBODY });
        },
        light: async () => {
          await light.request('session/detach', { sessionId: NOBODY });
        },
        status: async () => {
          await client.call('daemon/status', {});
        },
      },
      { rounds: 41, calls: 400, warmUp: 5 },
    );
    return [
      bestOf('typed client', times.typed, times.echo, LIMIT),
      bestOf('frames without a client library', times.light, times.echo),
      bestOf('`daemon/status`, which asks the system for memory', times.status, times.echo),
    ];
  } finally {
    raw.destroy();
    light.close();
    await client.close();
    await product.stop();
    await echo.end();
  }
}

function bestOf(what: string, measured: readonly number[], baseline: readonly number[], limit?: number): Figure {
  const [best, bestEcho] = [Math.min(...measured), Math.min(...baseline)];
  const all = ratios(measured, baseline).toSorted((a, b) => a - b);
  const middle = all[Math.floor(all.length / 2)] ?? Number.NaN;
  return {
    what,
    measured: `${(best * 1000).toFixed(1)} µs`,
    baseline: `${(bestEcho * 1000).toFixed(1)} µs`,
    result: `${(best / bestEcho).toFixed(2)} × (median of rounds ${middle.toFixed(2)})`,
    ...(limit === undefined ? {} : { budget: `≤ ${limit} ×`, isMet: best / bestEcho <= limit }),
  };
}
