/** `/rewind`: files and conversation as they were before a turn; the conversation goes on in a fork. */
import { usageError } from '../command-line/failure.ts';
import type { Client } from '../connection/api.ts';
import { textOf } from '../conversation/reply-text.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { Session } from '../../protocol/session.ts';
import type { Command, CommandContext } from './command.ts';
import { currentSession } from './current-session.ts';
import { readFlags } from './flags.ts';
import { restoreHere } from './restore.ts';
import { turnNumber } from './turn-number.ts';

const PAGE = 200;

export const rewind: Command = {
  name: 'rewind',
  takes: '<turn> [--dry-run] [--all]',
  summary: 'bring the files back as they were before a turn, and go on from there in a new session',
  async run(context, argument) {
    const { given, words } = readFlags('rewind', argument, { 'dry-run': 'alone', all: 'alone' });
    const turn = turnNumber('rewind', words[0], '/rewind 3');
    if (words.length > 1) throw usageError('/rewind takes one turn', 'Single files come back with /restore.');
    const { client } = context;
    const sessionId = currentSession(context, 'rewind');
    const { session } = await client.call('session/get', { sessionId });
    refuseElsewhere(context, session, turn);
    const prompt = await promptOf(client, sessionId, turn);
    const { state } = await restoreHere(context, {
      params: {
        sessionId,
        target: { kind: 'turn', turn, phase: 'pre' },
        ...(given.has('all') ? { all: true } : {}),
      },
      what: `the files from before turn ${turn}`,
      done: `the files from before turn ${turn} are back`,
      isDry: given.has('dry-run'),
    });
    if (state === 'planned' || state === 'declined') return;
    await goOnBefore(context, session, turn);
    context.print(`/resume ${sessionId} goes back to the original`);
    if (state === 'done') context.print(`/undo ${turn === 1 ? 'there ' : ''}takes the files back`);
    if (context.draft?.(prompt) !== true) context.print(`the prompt of turn ${turn} was:\n${prompt}`);
  },
};

/** A conversation before its first turn is a new session, which begins where this frontend was started. */
function refuseElsewhere({ talk }: CommandContext, { workspace }: Session, turn: number): void {
  if (turn > 1 || workspace === talk.workspace) return;
  throw new ProtocolError('CONFLICT', `before turn 1 there is no session, and a new one is not in ${workspace}`, {
    hint: `/restore 1 brings the files back; m --cwd ${workspace} begins a new session there.`,
  });
}

/** @throws ProtocolError NOT_FOUND when there is no such turn. */
async function promptOf(client: Client, sessionId: string, turn: number): Promise<string> {
  let before: number | undefined;
  for (;;) {
    const page: ResultOf<'session/messages'> = await client.call('session/messages', {
      sessionId,
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    });
    const found = page.messages.find((message) => message.turn === turn && message.role === 'user');
    if (found !== undefined) return textOf(found.parts);
    before = page.messages[0]?.seq;
    if (!page.more || before === undefined || (page.messages[0]?.turn ?? 0) < turn) break;
  }
  throw new ProtocolError('NOT_FOUND', `there is no turn ${turn} in this session`, { hint: '/turns lists them.' });
}

async function goOnBefore({ client, talk, print }: CommandContext, session: Session, turn: number): Promise<void> {
  if (turn === 1) {
    await talk.reset();
    talk.wantModel(session.model);
    talk.wantMode(session.mode);
    talk.wantAgent(session.agent);
    print('the next prompt begins a new session');
    return;
  }
  const { session: fork } = await client.call('session/fork', {
    opId: client.newOpId(),
    sessionId: session.id,
    turn: turn - 1,
  });
  print(`forked session ${fork.id} after turn ${fork.turns}`);
  await talk.open(fork.id);
}
