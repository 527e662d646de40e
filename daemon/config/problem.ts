/** One thing that is wrong with a configuration file, in words a person can act on. */

export interface ConfigurationProblem {
  /** Counted from 1; 0 when it is the file as a whole. */
  readonly line: number;
  /** Dotted; empty when it is the file as a whole. */
  readonly key: string;
  /** Continues "<key> …", or stands alone when there is no key. */
  readonly what: string;
  /** A whole sentence. */
  readonly remedy: string;
}

/** The problem as one line: file, line, key, what is wrong, what to do. No values that may be secret occur in it. */
export function describeProblem(file: string, problem: ConfigurationProblem): string {
  const place = problem.line === 0 ? file : `${file}:${problem.line}`;
  const what = problem.key === '' ? problem.what : `${problem.key} ${problem.what}`;
  return `${place}: ${what}. ${problem.remedy}`.trimEnd();
}
