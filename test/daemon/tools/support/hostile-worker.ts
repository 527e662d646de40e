/** A tools thread whose tools misbehave, each in its own way. */
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import type {
  PreparedCall,
  ProcessRecord,
  ToolOutcome,
  ToolPlace,
  ToolSink,
} from '../../../../daemon/services/tool-port.ts';
import type { Request } from '../../../../daemon/tools/calls.ts';
import { Commands } from '../../../../daemon/tools/commands/commands.ts';
import { Dispatcher } from '../../../../daemon/tools/dispatcher.ts';
import type { Tool } from '../../../../daemon/tools/tool.ts';

type Run = (place: ToolPlace, sink: ToolSink, signal: AbortSignal) => Promise<string>;

const prepared = (name: string): PreparedCall => ({
  name,
  effect: name === 'start' ? 'command' : 'edit',
  title: name,
  detail: '',
  paths: [],
  outside: [],
  command: '',
  dangers: [],
  ticket: null,
});

function tool(name: string, run: Run): Tool {
  return {
    spec: { name, effect: 'edit', summary: '', description: '', schema: {} },
    prepare: () => Promise.resolve(prepared(name)),
    run: async (place, _call, sink, signal): Promise<ToolOutcome> => ({
      output: await run(place, sink, signal),
      isError: false,
    }),
  };
}

/** Starts a group that would run for a minute, and goes on as if in the background. */
async function start(place: ToolPlace, sink: ToolSink): Promise<string> {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  const { callId, sessionId } = place;
  const record = { callId, sessionId, pid: child.pid ?? 0, startTime: '', bootId: '', background: true };
  child.once('exit', () => {
    sink.ended(callId);
  });
  await sink.started(record);
  await sink.keep('some output');
  sink.live('live');
  return String(child.pid);
}

const TOOLS: readonly Tool[] = [
  tool('start', start),
  tool('loop', () => {
    for (;;);
  }),
  tool('hoard', () => {
    const hoard: unknown[] = [];
    for (;;) hoard.push(Array.from({ length: 1_000 }, () => ({})));
  }),
  tool('deaf', () => setTimeout(60_000, 'late')),
  tool('obedient', (_place, _sink, signal) => setTimeout(60_000, 'late', { signal }).catch(() => 'stopped')),
  tool('break', () => Promise.reject(new TypeError('a mistake'))),
  tool('die', () => process.exit(3)),
];

class PlainCommands extends Commands {
  override async endSurvivors(records: readonly ProcessRecord[]): Promise<void> {
    for (const { pid } of records) process.kill(-pid, 'SIGKILL');
    await Promise.resolve();
  }
}

const port = parentPort;
if (port === null) throw new Error('this is a thread');
const dispatcher = new Dispatcher(TOOLS, new PlainCommands(), (notice) => {
  port.postMessage(notice);
});
port.on('message', (request: Request) => {
  dispatcher.take(request);
});
