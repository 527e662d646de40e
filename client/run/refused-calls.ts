/** Calls that were not done: the answer of a run may not say it, and whoever started the run has to know. */
import { harmlessRow, linesOf } from '../calls/text-lines.ts';
import type { Change } from '../conversation/change.ts';

const LONGEST = 500;

export class RefusedCalls {
  /** Calls that have begun. */
  readonly #begun = new Set<string>();
  /** Calls that a person has rejected, who knows it. */
  readonly #rejected = new Set<string>();

  /** @returns sentences about calls that were answered without having begun. */
  see(change: Change): string[] {
    if (change.kind === 'call') this.#begun.add(change.call.callId);
    if (change.kind === 'approval' && change.change.state === 'rejected') this.#rejected.add(change.change.callId);
    if (change.kind !== 'message') return [];
    return change.message.parts.flatMap((part) => {
      if (part.type !== 'tool-result' || this.#begun.delete(part.callId) || this.#rejected.delete(part.callId))
        return [];
      const [first = ''] = linesOf(part.output.slice(0, LONGEST));
      return [`${harmlessRow(part.name)}: ${harmlessRow(first)}`];
    });
  }
}
