/** Signs around tool calls, for terminals that show every character and for those that only know ASCII. */

export interface Marks {
  /** Before a call that begins. */
  readonly call: string;
  /** Before a number of lines that are gone. */
  readonly minus: string;
}

const RICH: Marks = { call: '⏺', minus: '−' };
const PLAIN: Marks = { call: '*', minus: '-' };

/** By the locale, read as the C library reads it: the first variable that says anything counts. */
export function marksFor(environment: NodeJS.ProcessEnv): Marks {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return /utf-?8/i.test(locale) ? RICH : PLAIN;
}
