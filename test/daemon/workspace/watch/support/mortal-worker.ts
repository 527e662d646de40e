/** The watch thread, but a wish to watch `throw` or `exit` ends it. */
import { parentPort } from 'node:worker_threads';
import type { WatchCall } from '../../../../../daemon/workspace/watch/watch-calls.ts';
import '../../../../../daemon/workspace/watch/watch-worker.ts';

parentPort?.on('message', (call: WatchCall) => {
  if (call.kind !== 'watch') return;
  if (call.directories[0] === 'throw') throw new RangeError('out of something');
  if (call.directories[0] === 'exit') process.exit(7);
});
