/** The thread of a workspace: the only code that touches its side repository and restores its files. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Request, WorkspaceSettings } from './calls.ts';
import { Dispatcher } from './dispatcher.ts';

const port = parentPort;
if (port === null) throw new Error('a workspace is kept in a worker thread');

const dispatcher = new Dispatcher(workerData as WorkspaceSettings, (answer) => {
  port.postMessage(answer);
});

port.on('message', (request: Request) => {
  dispatcher.take(request);
});
