/** The thread of a workspace that misbehaves, in another way for each call. */
import { parentPort } from 'node:worker_threads';
import type { Answer, Request } from '../../../../../daemon/workspace/thread/calls.ts';

const port = parentPort;
if (port === null) throw new Error('this is a thread');

port.on('message', ({ id, name }: Request) => {
  if (name === 'show') process.exit(3);
  if (name === 'diff') for (;;);
  if (name === 'list') return;
  const answer: Answer = name === 'recover' ? { kind: 'bug', id, stack: 'frames' } : { kind: 'value', id, value: name };
  port.postMessage(answer);
});
