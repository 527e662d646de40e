/** `/tools`: what a model can do here. */
import type { ToolEffect } from '../../protocol/tool.ts';
import type { Command } from './command.ts';
import { currentMode } from './mode.ts';

const EFFECTS: Record<ToolEffect, string> = { read: 'reads', edit: 'edits', command: 'runs' };

export const tools: Command = {
  name: 'tools',
  summary: 'list the tools that a model is given',
  async run(context) {
    const list = await context.client.call('tool/list', {});
    const width = Math.max(...list.tools.map(({ name }) => name.length));
    const lines = list.tools.map(
      ({ name, effect, summary }) => `  ${name.padEnd(width)}  ${EFFECTS[effect].padEnd(5)}  ${summary}`,
    );
    context.print([...lines, `mode: ${await currentMode(context)} (/mode changes it)`].join('\n'));
  },
};
