/** What can be answered to a question about a call, and which key stands for it. */
import type { ApprovalQuestion, ApprovalScope } from '../../protocol/tool.ts';

export type Answer =
  | { readonly decision: 'allow'; readonly scope: ApprovalScope }
  | { readonly decision: 'reject'; readonly reason?: string };

/** What a key leads to. */
export type Wish =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The answer is no, and the reason comes next. */
  | { readonly kind: 'reason' }
  /** To see the rest of what would be done. */
  | { readonly kind: 'view' };

export interface Offer {
  /** What is typed: a letter, or the word `yes`. */
  readonly key: string;
  readonly words: string;
  readonly short: string;
  readonly wish: Wish;
}

const SCOPES: Record<ApprovalScope, Pick<Offer, 'key' | 'words' | 'short'>> = {
  once: { key: 'y', words: '[y] once', short: '[y]es' },
  session: { key: 's', words: '[s] session', short: '[s]ession' },
  workspace: { key: 'a', words: '[a] always here', short: '[a]lways' },
};
const DANGEROUS = { key: 'yes', words: '[yes] once', short: '[yes]' };

/** Whether a call may do harm: it can be allowed once only, and with a whole word. */
export function isDangerous({ scopes, reasons }: ApprovalQuestion): boolean {
  return reasons.length > 0 && !scopes.includes('session');
}

/**
 * What is offered, in order.
 * @param isSeen whether all of what would be done has been shown. What a command does may stand in its last line, so it is
 *   allowed by nobody who has not seen it.
 */
export function offersOf(question: ApprovalQuestion, isSeen: boolean): Offer[] {
  const mayAllow = isSeen || question.effect !== 'command';
  const allow = question.scopes.map((scope): Offer => ({
    ...(isDangerous(question) ? DANGEROUS : SCOPES[scope]),
    wish: { kind: 'answer', answer: { decision: 'allow', scope } },
  }));
  return [
    ...(isSeen ? [] : [{ key: 'v', words: '[v] view all', short: '[v]iew', wish: { kind: 'view' } as const }]),
    ...(mayAllow ? allow : []),
    { key: 'n', words: '[n] no', short: '[n]o', wish: { kind: 'answer', answer: { decision: 'reject' } } },
    { key: 'r', words: '[r] no, with a reason', short: '[r]eason', wish: { kind: 'reason' } },
  ];
}

/** The question itself, in the long form when that fits. */
export function offersLine(offers: readonly Offer[], columns: number): string {
  const long = `allow? ${offers.map(({ words }) => words).join('  ')} `;
  return long.length < columns ? long : `allow? ${offers.map(({ short }) => short).join(' ')} `;
}
