/** A mutation over the client's connection that appends one entry, against a bare insert asked of a server the same way. */
import { join } from 'node:path';
import { openBare } from '../support/bare.ts';
import { connectBare } from '../support/bare-client.ts';
import { bigStore } from '../support/big-store.ts';
import { Child } from '../support/children.ts';
import { limitFigure, median, ratioFigure, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { interleave } from '../support/rounds.ts';
import { newId } from '../support/workload.ts';
import { rewriteTimes } from './step-in-vault.ts';

export const stepThroughSocket: Row = {
  name: 'socket',
  title: 'Durable encrypted step through the socket',
  method:
    'One client calls `session/rename` on a session of 10,000 messages with the product’s typed client; each call appends one entry, and each waits for the one before it. ' +
    'The baseline is a server with the same framing and JSON-RPC connection that hands the title to a thread with a bare insert. ' +
    'The tight loop is that insert without server and thread.',
  run,
};

async function run(): Promise<Figure[]> {
  const { dataDirectory, long } = await bigStore();
  const directory = makeDirectory();
  const socketPath = join(directory, 'b.sock');
  const product = await Product.start(dataDirectory);
  const server = await Child.ready('bare-server', [socketPath, join(directory, 'server.db')]);
  const loop = openBare(join(directory, 'loop.db'));
  const client = await product.typedClient();
  const bare = await connectBare(socketPath);
  let count = 0;
  const params = () => {
    count += 1;
    return {
      opId: newId(),
      sessionId: long,
      title: `a title that is as long as a short line of text, number ${count}`,
    };
  };
  try {
    const times = await interleave(
      {
        product: async () => {
          await client.call('session/rename', params());
        },
        bare: async () => {
          await bare.request('insert', params());
        },
        loop: () => {
          loop.insert(params().title);
        },
      },
      { rounds: 41, calls: 50, warmUp: 8 },
    );
    const rewrites = await rewriteTimes(directory);
    const faster = median(rewrites) / median(times.product);
    return [
      ratioFigure('against a bare insert asked the same way', times.product, times.bare, { unit: 'ms', limit: 1.4 }),
      ratioFigure('against a tight loop of bare inserts', times.product, times.loop, { unit: 'ms', limit: 3 }),
      limitFigure('one step', times.product, { unit: 'ms', digits: 3, limit: 0.5 }),
      {
        what: 'rewriting a file of 10,000 messages instead',
        measured: `${median(times.product).toFixed(3)} ms`,
        baseline: `${median(rewrites).toFixed(0)} ms`,
        result: `${faster.toFixed(0)} × faster`,
        budget: '≥ 300 × faster',
        isMet: faster >= 300,
      },
    ];
  } finally {
    bare.close();
    loop.close();
    await client.close();
    await server.end();
    await product.stop();
  }
}
