/** `/restore` and `/undo`: files as they were. */
import { usageError } from '../command-line/failure.ts';
import { restorePoint } from '../files/restore-point.ts';
import { restoreFiles, type Restored, type RestoreWish } from '../files/restoring.ts';
import { workspacePaths } from '../files/typed-path.ts';
import type { SnapshotPhase } from '../../protocol/snapshot.ts';
import { workspaceOf } from './agent.ts';
import type { Command, CommandContext } from './command.ts';
import { currentSession } from './current-session.ts';
import { readFlags } from './flags.ts';
import { turnNumber } from './turn-number.ts';

export const restore: Command = {
  name: 'restore',
  takes: '<turn or snapshot> [--phase pre|post] [--dry-run] [--all] [paths]',
  summary: 'bring the files back as they were before a turn, after it, or in a snapshot; shows the plan and asks first',
  async run(context, argument) {
    const known = { phase: 'value', 'dry-run': 'alone', all: 'alone' } as const;
    const { given, values, words } = readFlags('restore', argument, known);
    const turnOf = (typed: string | undefined): number => turnNumber('restore', typed, '/restore 3');
    const { target, what } = restorePoint(words[0], turnOf, readPhase(values.get('phase')));
    const sessionId = currentSession(context, 'restore');
    const paths = workspacePaths(words.slice(1), workspaceOf(context), context.talk.workspace);
    await restoreHere(context, {
      params: {
        sessionId,
        target,
        ...(paths === undefined ? {} : { paths }),
        ...(given.has('all') ? { all: true } : {}),
      },
      what,
      done: `${what} are back; /undo takes it back`,
      isDry: given.has('dry-run'),
    });
  },
};

export const undo: Command = {
  name: 'undo',
  takes: '[--dry-run]',
  summary: 'take the last restore back; once more, and it is done again',
  async run(context, argument) {
    const { given, words } = readFlags('undo', argument, { 'dry-run': 'alone' });
    if (words.length > 0) {
      throw usageError(`/undo takes nothing but --dry-run, not ${words.join(' ')}`, 'It is about the last restore.');
    }
    await restoreHere(context, {
      params: { sessionId: currentSession(context, 'undo'), target: { kind: 'undo' } },
      what: 'the files from before the last restore',
      done: 'the last restore is taken back; /undo does it again',
      isDry: given.has('dry-run'),
    });
  },
};

/** Brings files back, and says what came of it. */
export async function restoreHere(context: CommandContext, wish: RestoreWish): Promise<Restored> {
  const { client, dialogue, lines, fell } = context;
  const restored = await restoreFiles({ client, dialogue, lines }, wish);
  if (restored.exitCode !== 0) fell?.(restored.exitCode);
  return restored;
}

function readPhase(text: string | undefined): SnapshotPhase | undefined {
  if (text === undefined || text === 'pre' || text === 'post') return text;
  throw usageError(`--phase takes pre or post, not ${text}`);
}
