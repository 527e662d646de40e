/** The watch thread, but the program of its process is not there. */
import { parentPort, workerData } from 'node:worker_threads';
import { relay } from '../../../../../daemon/workspace/watch/stream/relay.ts';
import type { WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

if (parentPort !== null) relay(workerData as WatchStart, parentPort, '/no/such/program.cjs');
