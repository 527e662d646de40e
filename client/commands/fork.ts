/** `/fork`: a new session that shares this one up to a turn, with its files in another directory if wanted. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { usageError } from '../command-line/failure.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import { resolveWorkspace } from '../command-line/workspace.ts';
import { count } from '../command-line/wording.ts';
import type { Client } from '../connection/api.ts';
import { newestTurn } from '../files/newest-turn.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command, CommandContext } from './command.ts';
import { currentSession } from './current-session.ts';
import { readFlags } from './flags.ts';
import { turnNumber } from './turn-number.ts';

const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'interrupted']);

export const fork: Command = {
  name: 'fork',
  takes: '[turn] [--with-files DIR]',
  summary:
    'go on in a new session that shares this one up to a turn; with its files in a new directory if one is given',
  async run(context, argument) {
    const { values, words } = readFlags('fork', argument, { 'with-files': 'value' });
    if (words.length > 1) throw usageError(`/fork takes one turn, not ${words.join(' ')}`);
    const turn = words.length === 0 ? undefined : turnNumber('fork', words[0], '/fork 3');
    const { client, talk, print } = context;
    const sessionId = currentSession(context, 'fork');
    const directory = values.get('with-files');
    const copy = directory === undefined ? undefined : await writeOut(context, sessionId, turn, directory);
    const { session } = await client.call('session/fork', {
      opId: client.newOpId(),
      sessionId,
      ...(turn === undefined ? {} : { turn }),
      ...copy,
    });
    print(
      `forked session ${session.id} after turn ${session.turns} (${count(session.messages, 'message')})\n` +
        (copy === undefined ? '' : `it works in ${harmlessLine(copy.workspace)}\n`) +
        `/resume ${sessionId} goes back to the original`,
    );
    await talk.open(session.id);
  },
};

/** Puts the files of a turn into a directory. @returns what the fork is told of it. */
async function writeOut(
  { client, talk, print }: CommandContext,
  sessionId: string,
  wanted: number | undefined,
  typed: string,
): Promise<{ readonly turn: number; readonly workspace: string }> {
  const turn = wanted ?? (await newestOver(client, sessionId));
  const destination = resolve(
    talk.workspace,
    typed === '~' || typed.startsWith('~/') ? join(homedir(), typed.slice(1)) : typed,
  );
  const { files } = await client.call('snapshot/writeOut', { sessionId, turn, phase: 'post', destination });
  print(`${count(files, 'file')} of turn ${turn} written to ${harmlessLine(destination)}`);
  // Its name as sessions know it, now that it is there.
  return { turn, workspace: resolveWorkspace(destination, talk.workspace) };
}

async function newestOver(client: Client, sessionId: string): Promise<number> {
  const found = await newestTurn(client, sessionId, ({ state }) => OVER.has(state));
  if (found !== undefined) return found;
  throw new ProtocolError('EMPTY', 'no turn has ended yet', { hint: 'The files after a turn can be written out.' });
}
