/** Whether files are captured, and what that costs, in sentences. */
import { durationText, sizeText } from '../calls/command-result.ts';
import { harmlessRow } from '../calls/text-lines.ts';
import { count, localClock, localTime } from '../command-line/wording.ts';
import type { SkippedFile, SkipReason, SnapshotStatus } from '../../protocol/snapshot.ts';
import { captureText } from './capture-text.ts';
import { pathText } from './path-text.ts';

const REASONS: Readonly<Record<SkipReason, string>> = {
  'too-large': 'too large',
  unreadable: 'cannot be read',
  'unreadable-directory': 'directory that cannot be read',
  special: 'neither a file nor a link',
  changing: 'changed all the time while it was read',
  'name-too-long': 'its name is too long',
};

/** One line. */
export function snapshotState(status: SnapshotStatus): string {
  const reason = status.reason === '' ? '' : `: ${harmlessRow(status.reason)}`;
  const busy = status.busy === null ? '' : `; ${busyText(status.busy)}`;
  switch (status.state) {
    case 'off':
      return `not captured${reason === '' ? ': snapshots are off' : reason}`;
    case 'refused':
      return `not captured${reason}`;
    case 'none':
      return `nothing captured yet${reason}${busy}`;
    case 'failing':
      return `NOT CAPTURED${reason}${busy}`;
    case 'on':
      return `${capturedText(status)}${busy}`;
  }
}

function busyText({ files, total }: NonNullable<SnapshotStatus['busy']>): string {
  return total === undefined ? `being captured now, ${count(files, 'file')} so far` : captureText({ files, total });
}

/** `1203 files captured, 45.2 MB, 3 skipped, at 12:30:05 in 120 ms` */
function capturedText(status: SnapshotStatus): string {
  const { files, bytes, skipped, lastAt, lastDurationMs, encrypted, damagedPacks = 0 } = status;
  const facts = [
    `${count(files, 'file')} captured`,
    sizeText(bytes),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
    ...(lastAt === null ? [] : [`at ${localClock(lastAt)} in ${durationText(lastDurationMs)}`]),
    ...(encrypted ? [] : ['not encrypted']),
    ...(damagedPacks === 0 ? [] : [`${count(damagedPacks, 'stored pack')} damaged (mctl snapshots verify tells more)`]),
  ];
  return facts.join(', ');
}

/** One line: old snapshots go for the first time. */
export function removalNotice(at: string): string {
  return `old snapshots will be removed from ${localTime(at)} on; mctl snapshots prune --dry-run shows how many`;
}

/** A file that was left out, and why. */
export function skippedText({ path, reason, bytes }: SkippedFile): string {
  return `${pathText(path)}: ${REASONS[reason]}${bytes === undefined ? '' : ` (${sizeText(bytes)})`}`;
}
