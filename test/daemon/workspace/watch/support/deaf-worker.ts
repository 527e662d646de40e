/** In the place of the watch thread: nothing is ever told. With a file `told` beside the cookies, each answer says that something was. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { answering } from '../../../../../daemon/workspace/watch/answering.ts';
import type { WatchCall, WatchStart } from '../../../../../daemon/workspace/watch/watch-calls.ts';

const start = workerData as WatchStart;
const answer = answering(start);
let told = 0;

parentPort?.on('message', (call: WatchCall) => {
  if (call.kind === 'end') parentPort?.close();
  if (call.kind !== 'ask') return;
  if (existsSync(join(start.cookies, '..', 'told'))) told += 1;
  const dirt = { kind: 'dirt', directories: [], subtrees: [], isLoose: true, told } as const;
  answer({ question: call.question, dirt });
});
