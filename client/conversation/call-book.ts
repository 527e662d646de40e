/** What is known of the calls of a session: which ones a person is asked about, and how far their output has been told. */
import type { PendingApproval } from '../connection/api.ts';
import type { SessionEvent } from '../../protocol/event.ts';
import type { ApprovalChange } from '../../protocol/tool.ts';
import { isOver } from './turn-book.ts';

export class CallBook {
  /** In the order in which they were asked. */
  readonly #asked = new Map<string, PendingApproval>();
  /** Where the output of each running call goes on. */
  readonly #told = new Map<string, number>();

  /** Calls that a person is asked about now, in the order in which they were asked. */
  get asked(): PendingApproval[] {
    return [...this.#asked.values()];
  }

  /**
   * Starts over from what an attach answered.
   * @param past what happened before. A daemon that has just started asks again without saying so: what its log leaves open
   *   is asked.
   */
  begin(asked: readonly PendingApproval[], past: readonly SessionEvent[]): void {
    this.#asked.clear();
    this.#told.clear();
    for (const event of past) {
      if (event.type === 'approval') this.approval(event.turn, event.data);
      if (event.type === 'turn' && isOver(event.data.state)) this.over(event.turn);
    }
    this.add(asked);
  }

  /** What is asked after a reconnect. What was asked before still is: an answer would be among the events that were missed. */
  add(asked: readonly PendingApproval[]): void {
    for (const pending of asked) this.#asked.set(pending.question.callId, pending);
  }

  approval(turn: number, change: ApprovalChange): void {
    if (change.state === 'asked') this.#asked.set(change.callId, { turn, question: change });
    else this.#asked.delete(change.callId);
  }

  /** @returns whether some output before this was missed. */
  output(callId: string, offset: number, length: number): boolean {
    const expected = this.#told.get(callId) ?? 0;
    this.#told.set(callId, offset + length);
    return offset !== expected;
  }

  /** Nothing of a turn that has ended is asked or runs. */
  over(turn: number): void {
    for (const [callId, pending] of this.#asked) if (pending.turn === turn) this.#asked.delete(callId);
    this.#told.clear();
  }
}
