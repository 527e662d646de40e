/** What became of a question about a call. */
import type { Answer } from './answers.ts';
import { harmlessRow } from './text-lines.ts';
import type { ApprovalChange, ApprovalMode, ApprovalScope } from '../../protocol/tool.ts';

type Settled = Exclude<ApprovalChange, { state: 'asked' }>;

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
export function settledSentence(change: Settled, { mine, mode }: Settler): string {
  if (change.state === 'withdrawn') return 'no longer asked: the turn has ended';
  if (change.state === 'rejected') {
    const reason = change.reason === '' ? '' : `: ${harmlessRow(change.reason)}`;
    return `rejected${mine ? '' : ' elsewhere'}${reason}`;
  }
  if (!mine && mode !== undefined) return `allowed: the mode is ${mode} now`;
  return mine ? HOLDS[change.scope] : `answered elsewhere: ${HOLDS[change.scope]}`;
}

/**
 * Whether it was settled by an answer of this frontend, of which nobody else's can be told when both say the same.
 * @param given undefined when this frontend has given none.
 */
export function isOwn(change: Settled, given: Answer['decision'] | undefined): boolean {
  return (change.state === 'allowed' && given === 'allow') || (change.state === 'rejected' && given === 'reject');
}
