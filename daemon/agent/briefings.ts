/** What a turn begins with: the system prompt, the instructions of workspace and person, and the tools of its agent. */
import type { ResultOf } from '../../protocol/methods.ts';
import type { TurnInput } from '../services/agent-port.ts';
import type { ToolPort } from '../services/tool-port.ts';
import type { TurnBriefing } from './model-loop.ts';
import { SYSTEM_PROMPT } from './system-prompt.ts';

export class Briefings {
  readonly #tools: ToolPort;

  constructor(tools: ToolPort) {
    this.#tools = tools;
  }

  of({ workspace }: Pick<TurnInput, 'workspace' | 'agent' | 'model'>): Promise<TurnBriefing> {
    const system = `${SYSTEM_PROMPT}\n\nThe workspace is ${workspace}.`;
    return Promise.resolve({ system, tools: this.#tools.specs() });
  }

  agents(_workspace: string): Promise<ResultOf<'agent/list'>> {
    return Promise.resolve({ agents: [], problems: [] });
  }
}
