/** The watch thread that watches by a library, from the sources. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { relay } from '../../../../../daemon/workspace/watch/stream/relay.ts';
import type { WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

if (parentPort !== null) {
  const helper = join(import.meta.dirname, '../../../../../daemon/workspace/watch/stream/watch-helper.ts');
  relay(workerData as WatchStart, parentPort, helper);
}
