/** What a turn begins with: the system prompt, the instructions of person and workspace, and the tools of its agent. */
import type { Instructions, SourcedAgent } from '../config/instructions.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { AgentChoice, AgentsPort, TurnInput } from '../services/agent-port.ts';
import type { ToolPort } from '../services/tool-port.ts';
import type { TurnBriefing } from './model-loop.ts';
import { SYSTEM_PROMPT } from './system-prompt.ts';

export class Briefings implements AgentsPort {
  readonly #tools: Pick<ToolPort, 'specs'>;
  readonly #instructions: Instructions;

  constructor(tools: Pick<ToolPort, 'specs'>, instructions: Instructions) {
    this.#tools = tools;
    this.#instructions = instructions;
  }

  /** @throws ProtocolError NOT_FOUND when the agent of the session is no longer there. */
  async of({ workspace, agent: name }: Pick<TurnInput, 'workspace' | 'agent'>): Promise<TurnBriefing> {
    const prompt = (await this.#instructions.systemPrompt()) ?? SYSTEM_PROMPT;
    const standing = await this.#instructions.standing(workspace);
    const agent = name === '' ? undefined : await this.#find(workspace, name);
    const sections = [
      prompt.trim(),
      `The workspace is ${workspace}. The system is ${process.platform}.`,
      ...standing.map(({ path, text }) => `Instructions from ${path}:\n\n${text}`),
      ...(agent === undefined || agent.instructions === ''
        ? []
        : [`You work as the agent ${name}:\n\n${agent.instructions}`]),
    ];
    const wanted = agent?.tools;
    const specs = this.#tools.specs();
    const tools = wanted === undefined ? specs : specs.filter((spec) => wanted.includes(spec.name));
    return { system: sections.join('\n\n'), tools };
  }

  async agents(workspace: string): Promise<ResultOf<'agent/list'>> {
    const { agents, problems } = await this.#instructions.agents(workspace);
    const known = new Set(this.#tools.specs().map(({ name }) => name));
    const strange = agents.flatMap(({ name, tools = [] }) =>
      tools.filter((tool) => !known.has(tool)).map((tool) => `${name}: there is no tool ${tool}`),
    );
    const listed = agents.map(({ name, description, model, mode, tools, source }) => ({
      name,
      description,
      model: model ?? null,
      mode: mode ?? null,
      tools: tools === undefined ? null : tools.filter((tool) => known.has(tool)),
      source,
    }));
    return { agents: listed, problems: [...problems, ...strange] };
  }

  async choose(workspace: string, name: string): Promise<AgentChoice> {
    const { model, mode, source } = await this.#find(workspace, name);
    return { model, mode, isTrusted: source === 'personal' };
  }

  async #find(workspace: string, name: string): Promise<SourcedAgent> {
    const { agents } = await this.#instructions.agents(workspace);
    const agent = agents.find((one) => one.name === name);
    if (agent !== undefined) return agent;
    const names = agents.map((one) => one.name).join(', ');
    throw new ProtocolError('NOT_FOUND', `there is no agent ${name}`, {
      hint: names === '' ? '/agent none goes on without one.' : `There is: ${names}. /agent none goes on without one.`,
    });
  }
}
