/** What became of a question about a call. */
import { harmlessRow } from './text-lines.ts';
import type { ApprovalChange, ApprovalMode, ApprovalScope } from '../../protocol/tool.ts';

export interface Settler {
  /** Whether it was answered at this frontend. */
  readonly mine: boolean;
  /** The mode that was chosen since it was asked; undefined when none was. */
  readonly mode: ApprovalMode | undefined;
}

const HOLDS: Record<ApprovalScope, string> = {
  once: 'allowed once',
  session: 'allowed in this session',
  workspace: 'always allowed in this workspace (mctl rules list)',
};

/** @returns a sentence without indentation. */
export function settledSentence(change: Exclude<ApprovalChange, { state: 'asked' }>, { mine, mode }: Settler): string {
  if (change.state === 'withdrawn') return 'no longer asked: the turn has ended';
  if (change.state === 'rejected') {
    const reason = change.reason === '' ? '' : `: ${harmlessRow(change.reason)}`;
    return `rejected${mine ? '' : ' elsewhere'}${reason}`;
  }
  if (!mine && mode !== undefined) return `allowed: the mode is ${mode} now`;
  return mine ? HOLDS[change.scope] : `answered elsewhere: ${HOLDS[change.scope]}`;
}
