/** The tools `bash_output` and `bash_kill`: what becomes of commands in the background. */
import * as z from 'zod/mini';
import type { PreparedCall, ToolOutcome, ToolPlace, ToolSink } from '../../services/tool-port.ts';
import { parseArguments } from '../arguments.ts';
import type { Tool } from '../tool.ts';
import type { BackgroundCommands } from './background-commands.ts';
import { MAX_WAIT_S } from './limits.ts';
import { COMMAND_SPECS } from './specs.ts';

const OutputArguments = z.strictObject({
  id: z.string(),
  wait: z.optional(z.int().check(z.gte(0), z.lte(MAX_WAIT_S))),
});
const KillArguments = z.strictObject({ id: z.string() });

interface Ticket {
  readonly id: string;
  readonly wait: number;
}

export class BashOutputTool implements Tool {
  readonly spec = COMMAND_SPECS.bash_output;
  readonly #background: BackgroundCommands;

  constructor(background: BackgroundCommands) {
    this.#background = background;
  }

  prepare(_place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { id, wait = 0 } = parseArguments('bash_output', OutputArguments, args);
    return Promise.resolve(prepared('bash_output', `read the output of ${id}`, { id, wait }));
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const { id, wait } = call.ticket as Ticket;
    return await this.#background.read(place.sessionId, id, wait, signal);
  }
}

export class BashKillTool implements Tool {
  readonly spec = COMMAND_SPECS.bash_kill;
  readonly #background: BackgroundCommands;

  constructor(background: BackgroundCommands) {
    this.#background = background;
  }

  prepare(_place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { id } = parseArguments('bash_kill', KillArguments, args);
    return Promise.resolve(prepared('bash_kill', `end ${id}`, { id, wait: 0 }));
  }

  async run(place: ToolPlace, call: PreparedCall): Promise<ToolOutcome> {
    return await this.#background.kill(place.sessionId, (call.ticket as Ticket).id);
  }
}

function prepared(name: string, title: string, ticket: Ticket): PreparedCall {
  return { name, effect: 'read', title, detail: '', paths: [], outside: [], command: '', dangers: [], ticket };
}
