/** What a person should know before a restore, a sentence each. */
import { toShownText, type ByteText } from '../byte-text.ts';
import type { RestorePlan } from '../restore/restore-plan.ts';
import { describeHead, sameHead, type ProjectHead } from './project-head.ts';
import type { SnapshotRecord } from './records.ts';

/** Paths that are named one by one. */
const MOST_NAMED = 5;

/** @param unknown paths that were asked for and are in neither snapshot. */
export function warningsOf(
  { kept }: RestorePlan,
  record: SnapshotRecord,
  target: { readonly head: ProjectHead | undefined },
  unknown: readonly ByteText[],
): string[] {
  const warnings: string[] = [];
  if (!sameHead(record.head, target.head)) {
    warnings.push(
      `the project's HEAD has moved since (${describeHead(target.head)} then, ${describeHead(record.head)} now); ` +
        'it stays where it is',
    );
  }
  for (const path of unknown.slice(0, MOST_NAMED)) {
    warnings.push(`${toShownText(path)} is in no snapshot, then or now: misspelt, ignored, or left out`);
  }
  if (unknown.length > MOST_NAMED) warnings.push(`and so are ${unknown.length - MOST_NAMED} more`);
  const ambiguous = kept.filter(({ reason }) => reason === 'ambiguous').length;
  if (ambiguous > 0) warnings.push(`${counted(ambiguous)} may have been changed by somebody else and will be kept`);
  const skipped = record.skipped.length + record.skippedMore;
  if (skipped > 0) warnings.push(`${counted(skipped)} or directories are not in snapshots and stay as they are`);
  return warnings;
}

function counted(files: number): string {
  return files === 1 ? '1 file' : `${files} files`;
}
