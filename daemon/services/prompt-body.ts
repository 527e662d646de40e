/** A prompt as it is stored while it waits. */
import type { PromptPart } from '../../protocol/message.ts';

export interface PromptBody {
  readonly parts: readonly PromptPart[];
  /** Model that the session changes to with this turn. */
  readonly model?: string;
}

export function promptText(prompt: PromptBody): string {
  return JSON.stringify(prompt);
}

export function promptOf(body: string): { parts: PromptPart[]; model?: string } {
  return JSON.parse(body) as { parts: PromptPart[]; model?: string };
}
