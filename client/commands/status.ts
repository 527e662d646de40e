/** `/status`: where one is, what runs, and whether it is safe. */
import { sizeText } from '../calls/command-result.ts';
import { revealedRow } from '../calls/text-lines.ts';
import { fitWidth } from '../command-line/display-width.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import { count } from '../command-line/wording.ts';
import { removalNotice, snapshotState } from '../files/status-text.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command, CommandContext } from './command.ts';
import { currentAgent, workspaceOf } from './agent.ts';
import { currentMode } from './mode.ts';
import { currentModel } from './model.ts';

const LONGEST_TITLE = 60;
/** A workspace whose files are being read may answer late, and the rest is known at once. */
const PATIENCE_MS = 3_000;

export const status: Command = {
  name: 'status',
  summary: 'session, model, mode, what runs or waits, and whether everything is saved and captured',
  async run(context) {
    const [session, key, daemon, files] = await Promise.all([
      sessionLines(context),
      context.client.call('key/status', {}),
      context.client.call('daemon/status', {}),
      filesLines(context),
    ]);
    const where = key.keyFile === null ? '' : ` (${key.keyFile})`;
    context.print(
      [
        ...session,
        `model:     ${await currentModel(context)}`,
        `mode:      ${await currentMode(context)}`,
        ...agentLines(context),
        `workspace: ${harmlessLine(workspaceOf(context))}`,
        ...files,
        ...(daemon.snapshotsGoAt === undefined ? [] : [`           ${removalNotice(daemon.snapshotsGoAt)}`]),
        `storage:   ${daemon.storage.state === 'saved' ? 'saved, encrypted' : `NOT SAVED: ${daemon.storage.reason}`}`,
        `key:       ${key.provider ?? 'none'}${where}, ${key.state}${key.reason === '' ? '' : `: ${key.reason}`}`,
        `daemon:    ${daemon.version}, pid ${daemon.pid}, ${count(daemon.clients, 'client')}`,
      ].join('\n'),
    );
  },
};

async function sessionLines(context: CommandContext): Promise<string[]> {
  const { talk, client } = context;
  const { target } = talk;
  if (target.kind === 'new') return ['session:   a new one, which the first prompt begins'];
  if (target.kind === 'save') {
    return [`session:   the save ${target.save.id} (${count(target.save.messages, 'message')})`];
  }
  const { session } = await client.call('session/get', { sessionId: target.sessionId });
  const flags = `${session.pinned ? ', pinned' : ''}${session.archived ? ', archived' : ''}`;
  const parent =
    session.parent === null ? '' : ` (forked from ${session.parent.sessionId}, turn ${session.parent.turn})`;
  return [
    `session:   ${session.id}${flags}${parent}`,
    `title:     ${harmlessLine(session.title)}`,
    `length:    ${count(session.turns, 'turn')}, ${count(session.messages, 'message')}, ` +
      `tokens ${session.inputTokens} in, ${session.outputTokens} out`,
    `state:     ${stateOf(context, session.status)}`,
    `attached:  ${count(session.attached, 'frontend')}`,
    ...approvalLines(context),
  ];
}

/** Calls that wait for an answer, by their titles. */
function approvalLines({ talk }: CommandContext): string[] {
  const asked = talk.conversation?.approvals ?? [];
  const titles = asked.map(({ question }) => fitWidth(revealedRow(question.title), LONGEST_TITLE)).join('; ');
  return asked.length === 0 ? [] : [`asked:     ${count(asked.length, 'call')}: ${titles}`];
}

/** What is known of the files never keeps the rest from being told. */
async function filesLines(context: CommandContext): Promise<string[]> {
  try {
    const params = { workspace: workspaceOf(context) };
    const status = await context.client.call('snapshot/status', params, { deadlineMs: PATIENCE_MS });
    const stored = `stored:    ${count(status.snapshots, 'snapshot')}, ${sizeText(status.storedBytes)} on disk`;
    return [`files:     ${snapshotState(status)}`, ...(status.storedBytes === 0 ? [] : [stored])];
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [`files:     not known: ${harmlessLine(error.message)}`];
  }
}

function agentLines(context: CommandContext): string[] {
  const agent = currentAgent(context);
  return agent === '' ? [] : [`agent:     ${harmlessLine(agent)}`];
}

function stateOf(context: CommandContext, stored: string): string {
  const turns = context.talk.conversation?.turns;
  const queued = turns === undefined || turns.queued.length === 0 ? '' : `, ${turns.queued.length} queued`;
  return `${turns?.active?.state ?? stored}${queued}`;
}
