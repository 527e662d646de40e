/** Stand-ins for the daemon's program, for what happens before there is a socket. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scratch } from './scratch.ts';
import { signalDaemon } from './signal.ts';

const PRELUDE = `
import { appendFileSync, mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
const data = argument('--data-dir'), logs = argument('--log-dir'), run = join(data, 'run');
appendFileSync(join(data, 'started'), JSON.stringify({ pid: process.pid, argv: process.argv.slice(2), execArgv: process.execArgv }) + '\\n');
const frame = (message) => { const body = JSON.stringify(message); return 'Content-Length: ' + Buffer.byteLength(body) + '\\r\\n\\r\\n' + body; };
/** Publishes like the real one: one winner, by a file in the place of the lock. */
function serve(id = 'source', builtAt = 0) {
  try { writeFileSync(join(run, 'lock'), String(process.pid), { flag: 'wx' }); } catch { process.exit(0); }
  writeFileSync(join(run, 'starts.json'), JSON.stringify({ starts: [{ at: Date.now(), pid: process.pid, outcome: 'served' }] }));
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const [, body] of chunk.toString().matchAll(/\\r\\n\\r\\n(\\{.*?\\})(?=Content|$)/gs)) {
        const { id: call, method } = JSON.parse(body);
        const daemon = { build: { version: '0.1.0', id, builtAt }, pid: process.pid, startedAt: '' };
        const greeting = { protocol: 1, daemon, store: { id: 's', generation: 'g' }, key: 'unlocked', draining: false, limits: {}, keyVariables: [] };
        socket.write(frame({ jsonrpc: '2.0', id: call, result: method === 'initialize' ? greeting : { pid: process.pid } }));
      }
    });
  });
  rmSync(join(run, '.s' + process.pid), { force: true });
  server.listen(join(run, '.s' + process.pid), () => renameSync(join(run, '.s' + process.pid), join(run, 'd.sock')));
}
function fail(kind, message, hint) {
  writeFileSync(join(run, '.f' + process.pid), JSON.stringify({ at: Date.now(), pid: process.pid, kind, message, hint }));
  renameSync(join(run, '.f' + process.pid), join(run, 'start-failure.json'));
  process.exit(69);
}
`;

/**
 * Writes a program that knows its arguments as `data`, `logs` and `run`, `serve()` and `fail(kind, message, hint)`, and
 * records each of its starts as a line of `<data>/started`.
 * @returns its path.
 */
export function program(place: Scratch, body: string): string {
  const path = join(place.directory, 'daemon.mjs');
  writeFileSync(path, `${PRELUDE}\n${body}\n`);
  return path;
}

export interface Start {
  readonly pid: number;
  readonly argv: string[];
  readonly execArgv: string[];
}

/** Every start of the program so far, in order. */
export function starts(place: Scratch): Start[] {
  const file = join(place.locations.dataDirectory, 'started');
  if (!existsSync(file)) return [];
  // What follows the last line break is being written.
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Start);
}

/** Ends every daemon of the test that still runs. */
export function endStarted(place: Scratch): void {
  for (const { pid } of starts(place)) signalDaemon(place, pid, 'SIGKILL');
}
