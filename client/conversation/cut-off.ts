/** What is said where a reply ended before its time. */
import type { EventData } from '../../protocol/event.ts';

const CUT_OFF: Record<EventData<'cutoff'>['reason'], string> = {
  crash: 'cut off: the daemon was restarted; continuing',
  cancelled: 'cut off: cancelled',
  'broken-stream': 'cut off: the connection to the model broke',
  stopped: 'cut off: the daemon was stopped',
};

export function cutOffSentence(reason: EventData<'cutoff'>['reason']): string {
  return CUT_OFF[reason];
}
