/** `mctl rules list|revoke` */
import { revealedRow } from '../../calls/text-lines.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { localTime } from '../../command-line/wording.ts';
import { usageError } from '../../command-line/failure.ts';
import type { ApprovalRule } from '../../../protocol/tool.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';

export const list: Verb<{ readonly json?: boolean; readonly workspace?: string }> = async ({ context, options }) => {
  const workspace =
    options.workspace === undefined ? {} : { workspace: realWorkspace(context.around.directory, options.workspace) };
  const client = await context.connectUnlocked();
  const { rules } = await client.call('rule/list', workspace);
  if (context.isJson) {
    context.json(rules);
    return;
  }
  if (rules.length === 0) context.say('nothing is allowed beyond the call that was asked about');
  for (const rule of rules) context.stdout.line(ruleText(rule));
};

export const revoke: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const [text = ''] = args;
  if (!/^\d{1,15}$/.test(text))
    throw usageError(`a rule is named by its number, not ${text}`, '`mctl rules list` shows the numbers.');
  const id = Number(text);
  const client = await context.connectUnlocked();
  await client.call('rule/revoke', { id });
  context.result({ revoked: id }, `revoked: ${id}; from now on it is asked again`);
};

function ruleText({ id, scope, workspace, sessionId, effect, subject, createdAt }: ApprovalRule): string {
  const where = scope === 'session' ? `in session ${sessionId ?? ''} of ` : 'in ';
  return `${id}  ${subjectText(effect, subject)}\n   ${where}${harmlessLine(workspace)}, since ${localTime(createdAt)}`;
}

function subjectText(effect: ApprovalRule['effect'], subject: string): string {
  if (effect === 'command') return `run ${revealedRow(subject)}`;
  const verb = effect === 'edit' ? 'edit' : 'read';
  if (subject === '') return `${verb} any file of the workspace`;
  // A path begins with a slash; what does not names its tool.
  if (!subject.startsWith('/')) return harmlessLine(subject);
  return `${verb} ${subject.split('\n').map(harmlessLine).join(', ')}`;
}
