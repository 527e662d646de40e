/** The watch thread of one workspace: hears of changes while the workspace thread scans or sleeps. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WatchCall, WatchStart } from './watch-calls.ts';
import { WatchLoop } from './watch-loop.ts';
import { linuxWatches } from './watch-system.ts';

const port = parentPort;
if (port === null) throw new Error('the watches are in a worker thread');

const start = workerData as WatchStart;
const bell = new Int32Array(start.bell);
const loop = new WatchLoop(start, linuxWatches(start), (answer) => {
  start.answers.postMessage(answer);
  Atomics.store(bell, 0, answer.question);
  Atomics.notify(bell, 0);
});

port.on('message', (call: WatchCall) => {
  loop.take(call);
});
