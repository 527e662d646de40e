/** A workspace on a temporary directory, the tools that run commands, and a look at what they leave. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessRecord, ToolOutcome, ToolPlace, ToolSink } from '../../../../../daemon/services/tool-port.ts';
import { Commands } from '../../../../../daemon/tools/commands/commands.ts';
import { factsOf } from '../../../../support/processes.ts';

/** What a call told while it ran. */
export class Told implements ToolSink {
  readonly lives: { text: string; at: number }[] = [];
  readonly kept: string[] = [];
  readonly records: ProcessRecord[] = [];
  readonly endedCalls: string[] = [];
  onKeep: (text: string) => Promise<void> = () => Promise.resolve();
  onStarted: () => Promise<void> = () => Promise.resolve();

  live(text: string): void {
    this.lives.push({ text, at: performance.now() });
  }

  async keep(text: string): Promise<void> {
    await this.onKeep(text);
    this.kept.push(text);
  }

  async started(record: ProcessRecord): Promise<void> {
    this.records.push(record);
    await this.onStarted();
  }

  ended(callId: string): void {
    this.endedCalls.push(callId);
  }
}

export class CommandBench {
  readonly workspace = realpathSync(mkdtempSync(join(tmpdir(), 'm-cm-')));
  readonly commands = new Commands();
  /** Begins every call's id, and with it every mark. */
  readonly series = `t${process.pid}x${Math.random().toString(36).slice(2, 8)}`;
  #calls = 0;

  path(name: string): string {
    return join(this.workspace, name);
  }

  place(sessionId = 'S', environment: Readonly<Record<string, string>> = {}): ToolPlace {
    this.#calls += 1;
    mkdirSync(this.workspace, { recursive: true });
    return {
      sessionId,
      turn: 1,
      callId: `${this.series}-${this.#calls}`,
      workspace: this.workspace,
      environment: { HOME: this.workspace, PATH: process.env['PATH'] ?? '', ...environment },
    };
  }

  async use(
    name: string,
    args: Readonly<Record<string, unknown>>,
    { told = new Told(), signal = new AbortController().signal, place = this.place() } = {},
  ): Promise<ToolOutcome> {
    const tool = this.commands.tools().find(({ spec }) => spec.name === name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    const call = structuredClone(await tool.prepare(place, args));
    return await tool.run(place, call, told, signal);
  }

  bash(command: string, more: Readonly<Record<string, unknown>> = {}, around: Parameters<CommandBench['use']>[2] = {}) {
    return this.use('bash', { command, ...more }, around);
  }

  /** Processes with the mark of one of these calls. */
  left(): number[] {
    return markedProcesses(`M_CALL=${this.series}-`);
  }

  /** Ends what a test may have left, and says how many there were. */
  async close(): Promise<number> {
    await this.commands.endBackground(undefined);
    const left = this.left();
    for (const pid of left) kill(pid);
    rmSync(this.workspace, { recursive: true, force: true });
    return left.length;
  }
}

/** Processes, ended ones excepted, whose environment has a variable that begins like this. */
export function markedProcesses(beginning: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => `\0${factsOf(pid, 'environ') ?? ''}`.includes(`\0${beginning}`));
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone.
  }
}

/** Waits until a file has a number in it. */
export async function numberIn(file: string): Promise<number> {
  let number = Number.NaN;
  await until(() => {
    number = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN;
    return Number.isInteger(number);
  }, `a number in ${file}`);
  return number;
}

export async function until(isSo: () => boolean, what: string, ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
