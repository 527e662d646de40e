/** How far the files of the workspace are captured, in words. */
import type { EventData } from '../../protocol/event.ts';
import type { ResultOf } from '../../protocol/methods.ts';

type Capture = EventData<'capture'>;

const NUMBER = new Intl.NumberFormat('en-US');

/** `capturing files: 41,200 of about 100,000` */
export function captureText({ files, total }: Pick<Capture, 'files' | 'total'>): string {
  if (total === null) return 'capturing files: looking at the workspace';
  return `capturing files: ${NUMBER.format(files)} of about ${NUMBER.format(Math.max(files, total))}`;
}

/** What comes of not waiting for it. */
export function skippedText({ turn, phase }: ResultOf<'snapshot/giveUp'>): string {
  if (turn === null) return 'no turn waits for its files';
  if (phase === 'post') return `turn ${turn} ends now; its files are captured soon after`;
  return `turn ${turn} goes on, and its files cannot be brought back`;
}
