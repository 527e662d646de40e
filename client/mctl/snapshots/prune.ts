/** `mctl snapshots prune` */
import { sizeText } from '../../calls/command-result.ts';
import { harmlessRow } from '../../calls/text-lines.ts';
import { EXIT } from '../../command-line/failure.ts';
import { count } from '../../command-line/wording.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';

type Pruned = ResultOf<'snapshot/prune'>;

interface PruneOptions {
  readonly json?: boolean;
  readonly cwd?: string;
  readonly dryRun?: boolean;
}

export const prune: Verb<PruneOptions> = async ({ context, options }) => {
  const { cwd, dryRun = false } = options;
  const client = await context.connectUnlocked();
  const workspace = cwd === undefined ? undefined : realWorkspace(context.around.directory, cwd);
  const pruned = await client.call('snapshot/prune', { dryRun, ...(workspace === undefined ? {} : { workspace }) });
  const isUnknown = workspace !== undefined && pruned.workspaces.length === 0;
  context.result(pruned, isUnknown ? `nothing is stored of ${harmlessRow(workspace)}` : prunedText(pruned, dryRun));
  return pruned.workspaces.some(({ problem }) => problem !== '') ? EXIT.failed : EXIT.ok;
};

function prunedText(pruned: Pruned, dryRun: boolean): string {
  const { overBytes, removed, kept, leftBytes, freedBytes } = pruned;
  const touched = pruned.workspaces.filter((row) => row.removed > 0 || row.freedBytes > 0 || row.problem !== '');
  const would = dryRun ? 'would be ' : '';
  return [
    ...touched.map((row) => rowText(row, would)),
    `${count(removed, 'snapshot')} ${would}removed, ${sizeText(freedBytes)} ${would}freed, ${sizeText(leftBytes)} left in snapshots` +
      (kept === 0 ? '' : `; ${count(kept, 'snapshot')} protected`),
    ...(overBytes === 0
      ? []
      : [`${sizeText(overBytes)} more than snapshots_max_stored_megabytes allows: what is left is protected`]),
  ].join('\n');
}

function rowText(
  { workspace, exists, removed, freedBytes, empty, problem }: Pruned['workspaces'][number],
  would: string,
) {
  const where = `${harmlessRow(workspace)}${exists ? '' : ' (gone)'}`;
  if (problem !== '') return `${where}: NOT DONE: ${harmlessRow(problem)}`;
  return `${where}: ${empty ? 'all' : removed} ${would}removed, ${sizeText(freedBytes)}`;
}
