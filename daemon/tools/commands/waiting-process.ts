/** A process that exists, can be recorded, and does nothing until it is told to. */
import { spawn, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { Duplex, Readable } from 'node:stream';
import { ToolRefusal, type ProcessRecord, type ToolPlace } from '../../services/tool-port.ts';
import { environmentOf } from './environment.ts';
import type { ProcessTable } from './process-table.ts';
import { waitingShell } from './shell.ts';

/** How a shell ended: one of the two is there. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class WaitingProcess {
  readonly record: ProcessRecord;
  readonly output: Readable;
  readonly exited: Promise<Exit>;
  /** Resolves when the shell has told everything before it becomes the command, or has ended. */
  readonly begun: Promise<void>;
  readonly #gate: Duplex;
  /** Number of the process that hands the output on, once it is known. */
  relay: number | undefined;

  private constructor(record: ProcessRecord, child: ChildProcess) {
    const [, output, , gate] = child.stdio;
    if (!(output instanceof Readable) || !(gate instanceof Duplex)) throw new Error('a child without its pipes');
    this.record = record;
    this.output = output;
    this.#gate = gate;
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.exited = promise;
    child.on('exit', (code, signal) => {
      resolve({ code, signal });
    });
    gate.on('data', (text: Buffer) => {
      const number = Number.parseInt(text.toString('latin1'), 10);
      if (Number.isInteger(number)) this.relay = number;
    });
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    gate.on('close', begun.resolve);
    // Its end of the gate closes when it goes; how it went says `exited`.
    gate.on('error', () => undefined);
  }

  /** @throws ToolRefusal when the system starts no process; nothing was run then. */
  static async start(
    table: ProcessTable,
    place: ToolPlace,
    command: string,
    background: boolean,
  ): Promise<WaitingProcess> {
    const { workspace, callId, sessionId } = place;
    if (statSync(workspace, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new ToolRefusal(`the workspace ${workspace} is not there any more; nothing was run`);
    const environment = environmentOf(place);
    const shell = waitingShell(command, environment['PATH'] ?? '');
    const child = await spawned(shell.program, shell.args, workspace, environment);
    const pid = child.pid ?? 0;
    const row = table.find(pid);
    if (row === undefined) {
      child.kill('SIGKILL');
      throw new ToolRefusal('the system does not tell of the process that was started; nothing was run');
    }
    return new WaitingProcess(
      { callId, sessionId, pid, startTime: row.startTime, bootId: table.bootId(), background },
      child,
    );
  }

  /** Lets it begin. */
  go(): void {
    this.#gate.end('go\n');
  }

  /** Ends it before it has begun. */
  async drop(): Promise<void> {
    this.#gate.destroy();
    this.output.destroy();
    try {
      process.kill(this.record.pid, 'SIGKILL');
    } catch {
      // Gone by itself: its gate was closed.
    }
    await this.exited;
  }

  /** Ends whatever hands on its output, and stops listening. */
  hangUp(): void {
    this.output.destroy();
    this.#gate.destroy();
  }
}

async function spawned(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<ChildProcess> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
  try {
    // The shell sends its errors where its output goes; until then there are none worth hearing.
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
    child.once('spawn', () => {
      resolve(child);
    });
    child.on('error', reject);
    return await promise;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new ToolRefusal(`the system could not start a process (${code}); nothing was run`, { cause: error });
  }
}
