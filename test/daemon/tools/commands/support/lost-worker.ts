/** A process that starts a command, says its record, and never says that it is durable. */
import { Commands } from '../../../../../daemon/tools/commands/commands.ts';

const [workspace = '', callId = ''] = process.argv.slice(2);
const bash = new Commands().tools().find(({ spec }) => spec.name === 'bash');
if (bash === undefined) throw new Error('there is no bash');
const environment = { PATH: process.env['PATH'] ?? '' };
const place = { sessionId: 'S', turn: 1, callId, workspace, environment };
const call = await bash.prepare(place, { command: 'touch ran; sleep 300' });
const sink = {
  live: () => undefined,
  keep: () => Promise.resolve(),
  started: ({ pid }: { pid: number }) => {
    process.stdout.write(`${pid}\n`);
    return new Promise<void>(() => undefined);
  },
  ended: () => undefined,
};
setInterval(() => undefined, 1000);
await bash.run(place, call, sink, new AbortController().signal);
