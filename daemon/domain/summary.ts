/** A conversation with a summary in the place of its beginning. What is stored stays as it is. */
import type { Message } from '../../protocol/message.ts';

export interface SummedUp {
  /** Sequence of the last message that the summary stands for. */
  readonly upTo: number;
  readonly text: string;
}

/** The summary as a model is told it. */
export function summaryMessage({ upTo, text }: SummedUp): Message {
  const words = `Summary of the conversation up to here, written by the model itself:\n\n${text}`;
  return { seq: upTo, turn: 0, role: 'user', parts: [{ type: 'text', text: words }], at: '' };
}

/** @param messages oldest first. */
export function withSummary(messages: readonly Message[], summary: SummedUp): Message[] {
  return [summaryMessage(summary), ...messages.filter((message) => message.seq > summary.upTo)];
}
