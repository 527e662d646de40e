/** The watch thread of one workspace on macOS. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { WatchStart } from '../watch-calls.ts';
import { relay } from './relay.ts';

const port = parentPort;
if (port === null) throw new Error('the watches are in a worker thread');

relay(workerData as WatchStart, port, join(import.meta.dirname, 'watch-helper.cjs'));
