/** The tools thread: touches files and runs commands, and never decides whether it may. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Request, ToolSettings } from './calls.ts';
import { Commands } from './commands/commands.ts';
import { Dispatcher } from './dispatcher.ts';
import { fileTools } from './files/file-tools.ts';

const port = parentPort;
if (port === null) throw new Error('the tools run in a worker thread');

const settings = workerData as ToolSettings;
const commands = new Commands([...settings.sealed, ...settings.guarded]);
const dispatcher = new Dispatcher(fileTools(settings), commands, (notice) => {
  port.postMessage(notice);
});

port.on('message', (request: Request) => {
  dispatcher.take(request);
});
