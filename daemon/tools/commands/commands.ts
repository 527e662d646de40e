/** Runs commands, each in a process group of its own. */
import type { ProcessRecord } from '../../services/tool-port.ts';
import type { Tool } from '../tool.ts';
import { BackgroundCommands } from './background-commands.ts';
import { BashKillTool, BashOutputTool } from './background-tools.ts';
import { BashTool } from './bash-tool.ts';
import { processTable } from './system-processes.ts';
import { endSurvivors } from './survivors.ts';

export class Commands {
  readonly #table = processTable();
  readonly #background = new BackgroundCommands(this.#table);
  readonly #bash: BashTool;

  /** @param own where m keeps its files: a command that names them is asked about. Absolute. */
  constructor(own: readonly string[] = []) {
    this.#bash = new BashTool(this.#table, this.#background, own);
  }

  tools(): readonly Tool[] {
    return [this.#bash, new BashOutputTool(this.#background), new BashKillTool(this.#background)];
  }

  /** Ends what a session left running in the background; or everything, also what somebody waits for. Resolves when it is gone. */
  async endBackground(sessionId: string | undefined): Promise<void> {
    await Promise.all([this.#background.endAll(sessionId), sessionId === undefined ? this.#bash.endAll() : undefined]);
  }

  /** As ToolPort's. @throws Error when some could not be ended. */
  async endSurvivors(records: readonly ProcessRecord[]): Promise<void> {
    await endSurvivors(this.#table, records);
  }
}
