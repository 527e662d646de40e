/** What a person should know before a restore, a sentence each. */
import { ProtocolError } from '../../../protocol/errors.ts';
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
  target: { readonly head: ProjectHead | undefined; readonly unreadable: readonly number[] },
  unknown: readonly ByteText[],
): string[] {
  const warnings: string[] = [];
  if (target.unreadable.length > 0) {
    warnings.push(`${unreadableText(target.unreadable)}: whoever changed a file since, it is brought back`);
  }
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

/** @param turns of which nobody can tell any more what they changed, at least one. */
export function unknownChanges(turns: readonly number[]): ProtocolError {
  const message = `${unreadableText(turns)}, so the session's changes cannot be told from yours`;
  return new ProtocolError('TAMPERED', message, {
    hint: 'With --all everything is brought back, your own changes too; the plan shows what that is.',
  });
}

function unreadableText(turns: readonly number[]): string {
  const named = turns.slice(0, MOST_NAMED).join(', ');
  const more = turns.length > MOST_NAMED ? ` and ${turns.length - MOST_NAMED} more` : '';
  return `what turn${turns.length === 1 ? '' : 's'} ${named}${more} changed is damaged in the store and cannot be read`;
}

function counted(files: number): string {
  return files === 1 ? '1 file' : `${files} files`;
}
