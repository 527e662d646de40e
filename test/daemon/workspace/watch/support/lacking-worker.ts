/** The watch thread where the library was left out when m was installed. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { relay } from '../../../../../daemon/workspace/watch/stream/relay.ts';
import type { WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

if (parentPort !== null) relay(workerData as WatchStart, parentPort, join(import.meta.dirname, 'lacking-program.ts'));
