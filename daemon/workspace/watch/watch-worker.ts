/** The watch thread of one workspace: hears of changes while the workspace thread scans or sleeps. */
import { parentPort, workerData } from 'node:worker_threads';
import { cannotWatch } from './cannot-watch.ts';
import type { WatchAnswer, WatchCall, WatchStart } from './watch-calls.ts';
import { WatchLoop } from './watch-loop.ts';
import { linuxWatches } from './watch-system.ts';

const port = parentPort;
if (port === null) throw new Error('the watches are in a worker thread');

const start = workerData as WatchStart;
const bell = new Int32Array(start.bell);

port.on('message', begin());

function begin(): (call: WatchCall) => void {
  try {
    const loop = new WatchLoop(start, linuxWatches(start), answer);
    return (call) => {
      loop.take(call);
    };
  } catch (error) {
    const refusal = cannotWatch(error);
    if (refusal === undefined) throw error;
    return (call) => {
      if (call.kind === 'ask') answer({ question: call.question, dirt: { kind: 'refusal', reason: refusal.message } });
    };
  }
}

function answer(told: WatchAnswer): void {
  start.answers.postMessage(told);
  Atomics.store(bell, 0, told.question);
  Atomics.notify(bell, 0);
}
