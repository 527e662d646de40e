/** When a conversation is summed up, how a model is asked for it, and which part stays as it is. */
import type { Message } from '../../protocol/message.ts';
import type { Usage } from '../../protocol/turn.ts';

/** Newest part that stays as it is, in bytes of text: enough to go on in the middle of something. */
const KEPT_BYTES = 40_000;

/** What a model is asked when a conversation is summed up. */
export const SUMMARY_PROMPT = [
  'Sum up this conversation for whoever goes on with the work and cannot read it. Do not answer it and call no tool.',
  'Say, in this order: what the person wants, in their own words where the wording matters; what was decided and why;',
  'what was done, with the exact names of files, commands and identifiers; what was found out;',
  'what is not finished, and the next step. Leave out what no longer matters. Write plain text.',
].join('\n');

/** Whether the last request and its reply have come near the end of the window. */
export function isNearlyFull(
  { inputTokens, outputTokens }: Usage,
  contextTokens: number | undefined,
  part: number,
): boolean {
  return contextTokens !== undefined && part < 1 && inputTokens + outputTokens >= contextTokens * part;
}

/**
 * Where a conversation is cut for a summary: before the newest part, and never between a reply with calls and its results.
 * @returns the messages that are summed up, and the sequence of the last of them; none when there is too little.
 */
export function cutForSummary(messages: readonly Message[]): { before: readonly Message[]; upTo: number } {
  let kept = 0;
  let index = messages.length;
  while (index > 0 && kept < KEPT_BYTES) {
    index -= 1;
    kept += sizeOf(messages[index]);
  }
  while (index > 0 && messages[index]?.role === 'tool') index -= 1;
  const before = messages.slice(0, index);
  return { before, upTo: before.at(-1)?.seq ?? 0 };
}

function sizeOf(message: Message | undefined): number {
  return (message?.parts ?? []).reduce((sum, part) => {
    if (part.type === 'text' || part.type === 'reasoning') return sum + part.text.length;
    if (part.type === 'tool-call') return sum + part.arguments.length;
    return part.type === 'tool-result' ? sum + part.output.length : sum + 1_000;
  }, 0);
}
