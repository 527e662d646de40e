/** Numbers of changed lines and files, in words. */
import { count } from '../command-line/wording.ts';
import type { SnapshotEntry } from '../../protocol/snapshot.ts';

/** `+10 -3`; empty when no line changed. */
export function lineCounts({ added, removed }: { readonly added: number; readonly removed: number }): string {
  return added === 0 && removed === 0 ? '' : `+${added} -${removed}`;
}

/** Files that stay as they are: `3 kept, 1 conflict kept`; empty when there are none. */
export function keptText({ kept, conflicts }: { readonly kept: number; readonly conflicts: number }): string {
  const parts = [
    ...(kept === 0 ? [] : [`${kept} kept`]),
    ...(conflicts === 0 ? [] : [`${count(conflicts, 'conflict')} kept`]),
  ];
  return parts.join(', ');
}

/** What a turn did to the files: `2 files changed (+10 -3, 1 by shell)`; empty when it changed none. */
export function turnFiles(entry: SnapshotEntry): string {
  if (entry.files === 0) return '';
  const lines = lineCounts(entry);
  const facts = [...(lines === '' ? [] : [lines]), ...(entry.byShell === 0 ? [] : [`${entry.byShell} by shell`])];
  return `${count(entry.files, 'file')} changed${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

/**
 * What is to be known of the files at the end of a turn; undefined when nothing is.
 * @param ways what can be done about it, as it is typed.
 */
export function turnSentence(entry: SnapshotEntry, ways: readonly string[]): string | undefined {
  const files = turnFiles(entry);
  const reason = entry.reason === '' ? '' : `: ${entry.reason}`;
  const parts = [
    ...(files === '' ? [] : [files]),
    ...(entry.restorable ? [] : [`not restorable${reason}`]),
    ...(files === '' || !entry.restorable ? [] : ways),
  ];
  return parts.length === 0 ? undefined : parts.join(' · ');
}
