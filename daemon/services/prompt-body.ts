/** A prompt as it is stored while it waits. */
import type { PromptPart } from '../../protocol/message.ts';

/** Shown in the place of a prompt that does not verify any more. */
const DAMAGED_PROMPT = '(damaged: this prompt does not verify)';

export interface PromptBody {
  readonly parts: readonly PromptPart[];
  /** Model that the session changes to with this turn. */
  readonly model?: string;
}

export function promptText(prompt: PromptBody): string {
  return JSON.stringify(prompt);
}

/** @param body null for a prompt that does not verify any more. */
export function promptOf(body: string | null): { parts: PromptPart[]; model?: string } {
  if (body === null) return { parts: [{ type: 'text', text: DAMAGED_PROMPT }] };
  return JSON.parse(body) as { parts: PromptPart[]; model?: string };
}
