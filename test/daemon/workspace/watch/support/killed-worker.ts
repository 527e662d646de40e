/** The watch thread whose process is killed when it is asked for the second time. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { relay } from '../../../../../daemon/workspace/watch/stream/relay.ts';
import type { WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

if (parentPort !== null) relay(workerData as WatchStart, parentPort, join(import.meta.dirname, 'killed-program.ts'));
