/** The watch thread, but it ends with the second question, and notes that beside the cookies. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { WatchCall, WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';
import '../../../../../daemon/workspace/watch/watch-worker.ts';

let asked = 0;

parentPort?.on('message', (call: WatchCall) => {
  if (call.kind !== 'ask') return;
  asked += 1;
  if (asked !== 2) return;
  appendFileSync(join((workerData as WatchStart).cookies, '..', 'ends'), 'x');
  throw new Error('it has had enough');
});
