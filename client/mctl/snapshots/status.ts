/** `mctl snapshots status` */
import { sizeText } from '../../calls/command-result.ts';
import { harmlessRow } from '../../calls/text-lines.ts';
import { count, localTime } from '../../command-line/wording.ts';
import { skippedText, snapshotState } from '../../files/status-text.ts';
import type { SnapshotStatus } from '../../../protocol/snapshot.ts';
import type { Verb } from '../verb.ts';
import { presentWorkspace } from './owner.ts';
import { usageText } from './usage-text.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly cwd?: string;
  readonly all?: boolean;
}

export const status: Verb<StatusOptions> = async ({ context, options }) => {
  if (options.all === true) {
    const usage = await (await context.connectUnlocked()).call('snapshot/usage', { all: true });
    context.result(usage, usageText(usage, context.stdout.columns));
    return;
  }
  const workspace = presentWorkspace(context, options.cwd);
  const client = await context.connectUnlocked();
  const state = await client.call('snapshot/status', { workspace });
  context.result({ workspace, ...state }, statusText(workspace, state));
};

function statusText(workspace: string, state: SnapshotStatus): string {
  const more = state.skipped - state.skippedFiles.length;
  return [
    `workspace: ${workspace}`,
    `files:     ${snapshotState(state)}`,
    ...(state.snapshots === 0
      ? []
      : [`stored:    ${count(state.snapshots, 'snapshot')}, ${sizeText(state.storedBytes)} on disk`]),
    ...engineLine(state),
    ...failingLine(state),
    ...(state.skippedFiles.length === 0 ? [] : ['skipped:']),
    ...state.skippedFiles.map((file) => `  ${skippedText(file)}`),
    ...(state.skippedFiles.length > 0 && more > 0 ? [`  … ${more} more`] : []),
  ].join('\n');
}

/** Old ones stay because removing them fails. */
function failingLine({ pruneFailing }: SnapshotStatus): string[] {
  if (pruneFailing === undefined) return [];
  return [`removal:   FAILS since ${localTime(pruneFailing.since)}: ${harmlessRow(pruneFailing.problem)}`];
}

/** How changes are found, and why so. */
function engineLine({ engine, engineReason = '' }: SnapshotStatus): string[] {
  if (engine === undefined || engineReason === '') return [];
  return [
    `changes:   ${engine === 'watch' ? 'directories are watched' : 'every file is looked at'} (${harmlessRow(engineReason)})`,
  ];
}
