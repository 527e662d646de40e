/** The tool `bash`: runs a command, and answers when it has ended, or at once when it goes on in the background. */
import { isAbsolute } from 'node:path';
import * as z from 'zod/mini';
import {
  ToolRefusal,
  type PreparedCall,
  type ToolOutcome,
  type ToolPlace,
  type ToolSink,
} from '../../services/tool-port.ts';
import { dangersOf } from '../../domain/dangerous-commands.ts';
import { isLeaving } from '../../services/turn-stop.ts';
import { parseArguments } from '../arguments.ts';
import type { Tool } from '../tool.ts';
import type { BackgroundCommands } from './background-commands.ts';
import { CappedText } from './capped-text.ts';
import { KeptText } from './kept-text.ts';
import { DEFAULT_TIMEOUT_S, MAX_COMMAND_BYTES, MAX_OUTPUT, MAX_TIMEOUT_S } from './limits.ts';
import { LiveBatches } from './live-batches.ts';
import type { ProcessTable } from './process-table.ts';
import { RunningCommand } from './running-command.ts';
import { COMMAND_SPECS } from './specs.ts';
import { endLines, isFailure, leftOutNote } from './wording.ts';

const MAX_TITLE = 100;

const Arguments = z.strictObject({
  command: z.string().check(z.minLength(1)),
  timeoutSeconds: z.optional(z.int().check(z.gte(1), z.lte(MAX_TIMEOUT_S))),
  background: z.optional(z.boolean()),
  description: z.optional(z.string()),
});

interface Ticket {
  readonly timeoutSeconds: number | undefined;
  readonly background: boolean;
}

export class BashTool implements Tool {
  readonly spec = COMMAND_SPECS.bash;
  readonly #table: ProcessTable;
  readonly #background: BackgroundCommands;
  readonly #own: readonly string[];
  readonly #running = new Set<RunningCommand>();

  /** @param own where m keeps its files. Absolute. */
  constructor(table: ProcessTable, background: BackgroundCommands, own: readonly string[]) {
    this.#own = own;
    this.#table = table;
    this.#background = background;
  }

  prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { command, timeoutSeconds, background = false, description } = parseArguments('bash', Arguments, args);
    if (command.trim() === '') throw new ToolRefusal('bash: the command is empty');
    if (command.includes('\0')) throw new ToolRefusal('bash: a command cannot contain a NUL character');
    if (Buffer.byteLength(command) > MAX_COMMAND_BYTES) {
      throw new ToolRefusal(`bash: a command has at most ${MAX_COMMAND_BYTES} bytes; write a file and run that`);
    }
    const ticket: Ticket = { timeoutSeconds, background };
    const limit = timeoutSeconds === undefined ? '' : ` for at most ${timeoutSeconds} s`;
    return Promise.resolve({
      name: 'bash',
      effect: 'command',
      title: titleOf(command, background),
      // The command comes first: what the model says of it need not be true.
      detail: [command, background ? `in the background${limit}` : '', saying(description)]
        .filter(Boolean)
        .join('\n\n'),
      paths: [],
      outside: [],
      command,
      dangers: dangersOf(command, place.workspace, { paths: this.#own, home: homeOf(place) }),
      ticket,
    });
  }

  async run(place: ToolPlace, call: PreparedCall, sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const { timeoutSeconds, background } = call.ticket as Ticket;
    if (background) return await this.#background.start({ place, command: call.command, timeoutSeconds }, sink, signal);
    const capped = new CappedText(MAX_OUTPUT);
    const kept = new KeptText((stretch) => sink.keep(stretch));
    const live = new LiveBatches((text) => {
      sink.live(text);
    });
    const take = (text: string): Promise<void> => {
      capped.add(text);
      live.add(text);
      return kept.add(text);
    };
    const order = {
      place,
      command: call.command,
      background,
      timeoutSeconds: timeoutSeconds ?? DEFAULT_TIMEOUT_S,
      take,
    };
    const running = await this.#start(order, sink, signal);
    const abort = () => {
      running.end(isLeaving(signal) ? 'daemon' : 'cancelled');
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    this.#running.add(running);
    const end = await running.ended;
    this.#running.delete(running);
    signal.removeEventListener('abort', abort);
    live.end();
    if (end.output === 'stuck') kept.giveUp();
    else await kept.end();
    const note = (bytes: number) => leftOutNote(bytes, kept, capped.bytes);
    return {
      output: [capped.text(note).trimEnd() || '(no output)', ...endLines(end)].join('\n'),
      isError: isFailure(end),
      details: {
        durationMs: end.durationMs,
        ...(typeof end.exit?.code === 'number' ? { exitCode: end.exit.code } : {}),
        ...(typeof end.exit?.signal === 'string' ? { signal: end.exit.signal } : {}),
        ...(capped.isCut ? { outputBytes: capped.bytes, keptBytes: kept.bytes } : {}),
      },
    };
  }

  /** Ends every command that somebody waits for. */
  async endAll(): Promise<void> {
    const all = [...this.#running];
    for (const one of all) one.end('daemon');
    await Promise.all(all.map((one) => one.ended));
  }

  async #start(
    order: Parameters<typeof RunningCommand.start>[1],
    sink: ToolSink,
    signal: AbortSignal,
  ): Promise<RunningCommand> {
    return await startOrSay(() => RunningCommand.start(this.#table, order, sink, signal), signal);
  }
}

/** @throws ToolRefusal for a command whose record could not be stored; and what starting throws. */
export async function startOrSay<T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof ToolRefusal || (signal.aborted && error === signal.reason)) throw error;
    const reason = error instanceof Error ? error.message : 'unknown reason';
    throw new ToolRefusal(`bash: nothing was run, because it could not be recorded: ${reason}`, { cause: error });
  }
}

export function titleOf(command: string, background: boolean): string {
  const line = command.replaceAll(/\s+/g, ' ').trim();
  const short = line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE).toWellFormed()}…` : line;
  return background ? `run in the background ${short}` : `run ${short}`;
}

function homeOf({ environment }: ToolPlace): string | undefined {
  const home = environment['HOME'];
  return home !== undefined && isAbsolute(home) && home !== '/' ? home.replace(/\/+$/, '') : undefined;
}

/** One line: what follows on lines of its own must not look like words of m. */
function saying(description = ''): string {
  const line = description.replaceAll(/\s+/g, ' ').trim();
  return line === '' ? '' : `The model says: ${line}`;
}
