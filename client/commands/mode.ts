/** `/mode`: what tools may do without asking. */
import { checkMode } from '../command-line/start-flags.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { Command, CommandContext } from './command.ts';

const MEANINGS: Record<ApprovalMode, string> = {
  ask: 'edits and commands are asked about',
  'auto-edit': 'files in the workspace are edited without asking; commands are asked about',
  full: 'nothing is asked about but what may do harm',
};

export const mode: Command = {
  name: 'mode',
  takes: '[ask|auto-edit|full]',
  summary: 'show or choose what tools may do without asking',
  async run(context, argument) {
    const { client, talk, print } = context;
    if (argument === '') {
      const current = await currentMode(context);
      print(`mode: ${current} (${MEANINGS[current]})`);
      return;
    }
    const wanted = checkMode(argument, '/mode');
    if (talk.target.kind === 'session') {
      const { sessionId } = talk.target;
      await client.call('session/configure', { opId: client.newOpId(), sessionId, mode: wanted });
    } else {
      talk.wantMode(wanted);
    }
    print(`mode: ${wanted} (${MEANINGS[wanted]})`);
  },
};

/** The mode that the next prompt goes to. */
export async function currentMode({ client, talk }: Pick<CommandContext, 'client' | 'talk'>): Promise<ApprovalMode> {
  const wanted = talk.wantedMode ?? talk.conversation?.session?.mode;
  if (wanted !== undefined) return wanted;
  const { values } = await client.call('config/get', {});
  return checkMode(values['mode'] ?? 'ask', 'the configuration');
}
