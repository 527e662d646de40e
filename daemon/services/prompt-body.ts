/** A prompt as it is stored while it waits. */
import type { PromptPart } from '../../protocol/message.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';

/** Shown in the place of a prompt that does not verify any more. */
const DAMAGED_PROMPT = '(damaged: this prompt does not verify)';

export interface PromptBody {
  readonly parts: readonly PromptPart[];
  /** Settings that the session changes to with this turn. */
  readonly model?: string;
  readonly mode?: ApprovalMode;
  readonly agent?: string;
  /** Nobody who could be asked is behind it. */
  readonly unattended?: true;
}

export function promptText(prompt: PromptBody): string {
  return JSON.stringify(prompt);
}

/** @param body null for a prompt that does not verify any more. */
export function promptOf(body: string | null): PromptBody & { readonly parts: PromptPart[] } {
  if (body === null) return { parts: [{ type: 'text', text: DAMAGED_PROMPT }] };
  return JSON.parse(body) as PromptBody & { readonly parts: PromptPart[] };
}
