/** `mctl snapshots take` */
import { durationText, sizeText } from '../../calls/command-result.ts';
import { count } from '../../command-line/wording.ts';
import type { Verb } from '../verb.ts';
import { presentWorkspace } from './owner.ts';

export const take: Verb<{ readonly json?: boolean; readonly cwd?: string }> = async ({ context, options }) => {
  const workspace = presentWorkspace(context, options.cwd);
  const client = await context.connectUnlocked();
  const taken = await client.call('snapshot/take', { opId: client.newOpId(), workspace });
  const { point, files, bytes, skipped } = taken.snapshot;
  const id = point.kind === 'taken' ? ` ${point.id}` : '';
  const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
  context.result(
    taken,
    `snapshot taken:${id}\n  ${count(files, 'file')}, ${sizeText(bytes)}${rest}, in ${durationText(taken.durationMs)}`,
  );
};
