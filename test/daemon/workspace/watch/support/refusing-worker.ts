/** In the place of the watch thread, on a system that has no watches left. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WatchAnswer, WatchCall, WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

const { bell, answers } = workerData as WatchStart;
const count = new Int32Array(bell);

parentPort?.on('message', (call: WatchCall) => {
  if (call.kind === 'end') parentPort?.close();
  if (call.kind !== 'ask') return;
  const answer: WatchAnswer = { question: call.question, dirt: { kind: 'refusal', reason: 'no watches are left' } };
  answers.postMessage(answer);
  Atomics.store(count, 0, call.question);
  Atomics.notify(count, 0);
});
