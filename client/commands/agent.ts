/** `/agent`: who answers, a named way of working with instructions, tools and a model of its own. */
import { harmlessLine } from '../command-line/harmless-text.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Agent } from '../../protocol/tool.ts';
import type { Command, CommandContext } from './command.ts';

export const agent: Command = {
  name: 'agent',
  takes: '[name|none]',
  summary: 'list the named agents, or choose one for the next turns',
  async run(context, argument) {
    const { client, talk, print } = context;
    const list = await client.call('agent/list', { workspace: workspaceOf(context) });
    if (argument === '') {
      print(listText(list.agents, list.problems, currentAgent(context)));
      return;
    }
    const name = argument === 'none' ? '' : argument;
    if (name !== '' && !list.agents.some((one) => one.name === name)) throw unknown(name, list.agents);
    if (talk.target.kind === 'session') {
      const { sessionId } = talk.target;
      await client.call('session/configure', { opId: client.newOpId(), sessionId, agent: name });
    } else {
      talk.wantAgent(name);
    }
    print(name === '' ? 'no agent from the next turn on' : `agent from the next turn on: ${harmlessLine(name)}`);
  },
};

/** The agent of the next prompt; empty for none. */
export function currentAgent({ talk }: Pick<CommandContext, 'talk'>): string {
  return talk.wantedAgent ?? talk.conversation?.session?.agent ?? '';
}

function listText(agents: readonly Agent[], problems: readonly string[], current: string): string {
  const lines = agents.map(({ name, description, model, source }) => {
    const facts = [...(model === null ? [] : [model]), source === 'personal' ? 'yours' : 'of this workspace'];
    const words = description === '' ? '' : `: ${harmlessLine(description)}`;
    return `${name === current ? '* ' : '  '}${harmlessLine(name)} (${facts.map(harmlessLine).join(', ')})${words}`;
  });
  const none = ['no agents; docs/AGENTS.md says how one is written'];
  return [...(lines.length === 0 ? none : lines), ...problems.map((problem) => `  ${harmlessLine(problem)}`)].join(
    '\n',
  );
}

function unknown(name: string, agents: readonly Agent[]): ProtocolError {
  const known = agents.map((one) => one.name);
  return new ProtocolError('NOT_FOUND', `there is no agent ${harmlessLine(name)}`, {
    hint: known.length === 0 ? 'docs/AGENTS.md says how one is written.' : `There is: ${known.join(', ')}.`,
  });
}

/** The workspace that the next prompt belongs to. */
export function workspaceOf({ talk }: Pick<CommandContext, 'talk'>): string {
  if (talk.target.kind === 'save') return talk.target.save.workspace;
  return talk.conversation?.session?.workspace ?? talk.workspace;
}
