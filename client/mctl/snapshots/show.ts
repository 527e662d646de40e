/** `mctl snapshots show` */
import { durationText, sizeText } from '../../calls/command-result.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { usageError } from '../../command-line/failure.ts';
import { count, localTime } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import { skippedText } from '../../files/status-text.ts';
import type { ParamsOf, ResultOf } from '../../../protocol/methods.ts';
import { wholeNumber } from '../number-option.ts';
import type { Invocation, Verb } from '../verb.ts';
import { namedSession, takenSnapshot, workspaceOwner } from './owner.ts';
import { readPhase } from './phase.ts';

interface ShowOptions {
  readonly json?: boolean;
  readonly phase?: string;
  readonly cwd?: string;
}

export const show: Verb<ShowOptions> = async (invocation) => {
  const { context } = invocation;
  const phase = readPhase(invocation.options.phase) ?? 'post';
  const turn = wholeNumber('the turn', invocation.args[1]);
  const client = await context.connectUnlocked();
  const shown = await client.call('snapshot/show', await paramsOf(client, invocation, turn, phase));
  context.result(shown, shownText(shown));
};

async function paramsOf(
  client: Client,
  { context, args, options }: Invocation<ShowOptions>,
  turn: number | undefined,
  phase: 'pre' | 'post',
): Promise<ParamsOf<'snapshot/show'>> {
  const [reference = ''] = args;
  if (turn === undefined) {
    const taken = takenSnapshot(context, reference, options.cwd);
    if (taken !== undefined) {
      return { owner: workspaceOwner(context, options.cwd), point: { kind: 'taken', id: taken.id } };
    }
    throw usageError('the number of a turn is missing', 'mctl snapshots list <id> lists what there is.');
  }
  const { sessionId } = await namedSession(client, context, reference);
  return { owner: { kind: 'session', sessionId }, point: { kind: 'turn', turn, phase } };
}

function shownText(shown: ResultOf<'snapshot/show'>): string {
  const { snapshot, commit, tree, skippedFiles, skippedMore, remarks, durationMs } = shown;
  const { point } = snapshot;
  const name = point.kind === 'turn' ? `${point.phase === 'pre' ? 'before' : 'after'} turn ${point.turn}` : point.id;
  const more = skippedMore === 0 ? [] : [`  … ${skippedMore} more`];
  return [
    `snapshot ${name}, taken ${localTime(snapshot.at)} in ${durationText(durationMs)}`,
    `${count(snapshot.files, 'file')}, ${sizeText(snapshot.bytes)}, ${snapshot.skipped} skipped`,
    `commit ${commit}`,
    `tree   ${tree}`,
    ...remarks.map(harmlessLine),
    ...(skippedFiles.length === 0 ? [] : ['skipped:']),
    ...skippedFiles.map((file) => `  ${skippedText(file)}`),
    ...more,
  ].join('\n');
}
