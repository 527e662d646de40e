/** What the watch thread and the process that watches for it say to each other. */
import type { WatchAnswer, WatchCall, WatchSettings } from '../watch-calls.ts';

export type Ask = Extract<WatchCall, { kind: 'ask' }>;
export type Begin = { readonly kind: 'begin' } & Pick<WatchSettings, 'root' | 'cookies'>;

export type HelperCall = Begin | Ask;

export interface HelperAnswer extends WatchAnswer {
  readonly kind: 'answer';
  /** This process has nothing more to tell: the next question goes to another one. */
  readonly isSpent: boolean;
}

/** It is of no use to ask before the process is ready. */
export type HelperMessage = { readonly kind: 'ready' } | HelperAnswer;
