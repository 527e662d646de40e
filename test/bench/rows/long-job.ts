/** Steps while a long job runs in the vault: jobs come in slices, so nobody waits for the whole of one. */
import { bigStore } from '../support/big-store.ts';
import { Child } from '../support/children.ts';
import type { Row } from '../support/figures.ts';
import { Product } from '../support/product.ts';
import type { WriteOrder, WriteReport } from '../roles/writers.ts';

const LIMIT_MS = 25;

export const longJobRow: Row = {
  name: 'long-job',
  title: 'Steps while a long job runs in the vault',
  method:
    'One connection verifies the session of 100,000 messages (200,000 entries) again and again while another renames a session as fast as it is answered; the baseline is the same without the job.',
  run: async () => {
    const { dataDirectory, longest, short } = await bigStore();
    const product = await Product.start(dataDirectory);
    const writers = await Child.ready('writers', [product.socketPath, short[0] ?? '']);
    const verifier = await product.client();
    const write = (milliseconds: number): Promise<WriteReport> =>
      writers.ask<WriteReport>({ clients: 1, milliseconds } satisfies WriteOrder);
    try {
      const quiet = await write(3_000);
      let isOver = false;
      const job = (async () => {
        let times = 0;
        for (; !isOver; times += 1) await verifier.request('session/verify', { sessionId: longest });
        return times;
      })();
      const busy = await write(6_000);
      isOver = true;
      const verified = await job;
      return [
        {
          what: `a step while the job runs, p99 (${verified} verifications meanwhile)`,
          measured: `${busy.p99.toFixed(1)} ms`,
          baseline: `${quiet.p99.toFixed(1)} ms`,
          budget: `≤ ${LIMIT_MS} ms`,
          isMet: busy.p99 <= LIMIT_MS,
        },
        { what: 'the same, p50', measured: `${busy.p50.toFixed(1)} ms`, baseline: `${quiet.p50.toFixed(1)} ms` },
      ];
    } finally {
      verifier.close();
      await writers.end();
      await product.stop();
    }
  },
};
