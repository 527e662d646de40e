/** The watch thread of one workspace: hears of changes while the workspace thread scans or sleeps. */
import { parentPort, workerData } from 'node:worker_threads';
import { answering } from './answering.ts';
import { cannotWatch } from './cannot-watch.ts';
import type { WatchCall, WatchStart } from './watch-calls.ts';
import { WatchLoop } from './watch-loop.ts';
import { linuxWatches } from './watch-system.ts';

const port = parentPort;
if (port === null) throw new Error('the watches are in a worker thread');

const start = workerData as WatchStart;
const answer = answering(start);
const loop = begin();

port.on('message', (call: WatchCall) => {
  if (call.kind !== 'end') loop.take(call);
  else {
    loop.close();
    port.close();
  }
});

function begin(): Pick<WatchLoop, 'take' | 'close'> {
  try {
    return new WatchLoop(start, linuxWatches(start), answer);
  } catch (error) {
    const refusal = cannotWatch(error);
    if (refusal === undefined) throw error;
    const dirt = { kind: 'refusal', reason: refusal.message } as const;
    return {
      take: (call) => {
        if (call.kind === 'ask') answer({ question: call.question, dirt });
      },
      close: () => undefined,
    };
  }
}
