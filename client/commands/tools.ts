/** `/tools`: what a model can do here. */
import { harmlessLine } from '../command-line/harmless-text.ts';
import type { ToolEffect } from '../../protocol/tool.ts';
import { currentAgent, workspaceOf } from './agent.ts';
import type { Command, CommandContext } from './command.ts';
import { currentMode } from './mode.ts';
import { requireNoArgument } from './no-argument.ts';

const EFFECTS: Record<ToolEffect, string> = { read: 'reads', edit: 'edits', command: 'runs' };

export const tools: Command = {
  name: 'tools',
  summary: 'list the tools that a model is given',
  async run(context, argument) {
    requireNoArgument('tools', argument, 'An agent may be given fewer tools: /agent');
    const [{ tools: all }, agent] = await Promise.all([context.client.call('tool/list', {}), restriction(context)]);
    const given = agent === undefined ? all : all.filter(({ name }) => agent.tools.includes(name));
    const width = Math.max(...given.map(({ name }) => name.length));
    const lines = given.map(
      ({ name, effect, summary }) => `  ${name.padEnd(width)}  ${EFFECTS[effect].padEnd(5)}  ${summary}`,
    );
    if (agent !== undefined)
      lines.push(`agent: ${harmlessLine(agent.name)}, which is given ${given.length} of ${all.length} tools`);
    context.print([...lines, `mode: ${await currentMode(context)} (/mode changes it)`].join('\n'));
  },
};

/** The agent of the next prompt, when it is given only some of the tools. */
async function restriction(context: CommandContext): Promise<{ name: string; tools: readonly string[] } | undefined> {
  const name = currentAgent(context);
  if (name === '') return undefined;
  const { agents } = await context.client.call('agent/list', { workspace: workspaceOf(context) });
  const wanted = agents.find((one) => one.name === name)?.tools ?? null;
  return wanted === null ? undefined : { name, tools: wanted };
}
