/** In the place of the watch thread: takes every question, and answers each one when the next has come. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WatchAnswer, WatchCall, WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

const { bell, answers } = workerData as WatchStart;
const count = new Int32Array(bell);
let late: WatchAnswer | undefined;

parentPort?.on('message', (call: WatchCall) => {
  if (call.kind === 'end') parentPort?.close();
  if (call.kind !== 'ask') return;
  if (late !== undefined) {
    answers.postMessage(late);
    Atomics.store(count, 0, late.question);
    Atomics.notify(count, 0);
  }
  late = { question: call.question, dirt: { kind: 'dirt', directories: [], subtrees: [], told: 0 } };
});
