/** What the fuzzer's process says at its end. */
import type { Gap } from './block-coverage.ts';

export interface Report {
  readonly inputs: number;
  /** Inputs made by chance that reached what none before them had. */
  readonly found: number;
  /** Each with the input that showed it. */
  readonly problems: readonly string[];
  /** Places that the corpus alone has not reached. */
  readonly gapsOfCorpus: number;
  /** Places that nothing has reached. */
  readonly gaps: readonly Gap[];
  readonly files: readonly string[];
  readonly rssBytes: number;
  /** That of the bystander is one. */
  readonly connectionsLeft: number;
}
