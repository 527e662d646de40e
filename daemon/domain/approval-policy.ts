/** Who decides about a tool call: the mode of its session, an answer given before, or a person now. */
import type { ApprovalMode, ApprovalScope, ToolEffect } from '../../protocol/tool.ts';

/** What is known of a call when it is judged. */
export interface JudgedCall {
  readonly effect: ToolEffect;
  /** Absolute paths that it names outside the workspace. */
  readonly outside: readonly string[];
  /** Exactly as it would be run; empty for a file tool. */
  readonly command: string;
  /** Why the command may do harm, in sentences. */
  readonly dangers: readonly string[];
}

export interface Judgement {
  readonly decision: 'allow' | 'ask';
  /** Why it is asked besides the mode, in sentences. */
  readonly reasons: readonly string[];
  /** How long an answer may hold. */
  readonly scopes: readonly ApprovalScope[];
}

/**
 * - What may do harm is always asked, each time.
 * - `ask`: reading inside the workspace is allowed. `auto-edit`: editing inside the workspace too. `full`: everything but
 *   edits outside.
 */
export function judge(mode: ApprovalMode, call: JudgedCall): Judgement {
  const isOutside = call.outside.length > 0;
  const reasons = [...call.dangers, ...call.outside.map((path) => `${path} is outside the workspace.`)];
  const isAllowed = call.dangers.length === 0 && allows(mode, call.effect, isOutside);
  const scopes: ApprovalScope[] = call.dangers.length > 0 ? ['once'] : ['once', 'session', 'workspace'];
  return { decision: isAllowed ? 'allow' : 'ask', reasons, scopes };
}

function allows(mode: ApprovalMode, effect: ToolEffect, isOutside: boolean): boolean {
  switch (effect) {
    case 'read':
      return !isOutside || mode === 'full';
    case 'edit':
      return !isOutside && mode !== 'ask';
    case 'command':
      return mode === 'full';
  }
}

/**
 * What an answer that holds for longer than one call is about: this very command, these very files outside the workspace,
 * or, empty, any file inside it. With the name of the tool where it looks at a folder: whoever may see the names in it may
 * not see all that is below it.
 */
export function subjectOf(
  call: Pick<JudgedCall, 'effect' | 'command' | 'outside'> & { readonly name: string },
): string {
  if (call.command !== '') return call.command;
  const paths = call.outside.join('\n');
  return call.effect === 'read' && call.name !== 'read' && paths !== '' ? `${call.name} ${paths}` : paths;
}

const BY_FREEDOM: readonly ApprovalMode[] = ['ask', 'auto-edit', 'full'];

/** The stricter of two modes. */
export function stricter(one: ApprovalMode, other: ApprovalMode): ApprovalMode {
  return BY_FREEDOM.indexOf(one) <= BY_FREEDOM.indexOf(other) ? one : other;
}
