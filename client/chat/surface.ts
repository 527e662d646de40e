/** Where chat writes: a terminal, or two streams. */
import type { Ink } from '../command-line/style.ts';

export interface Surface {
  /** Answers and the output of commands, in pieces. Already harmless. */
  data(text: string): void;
  /** What a person should know besides: whole lines. Already harmless. */
  notice(text: string, ink?: Ink): void;
  /** What is true for the moment; it stands below everything else and goes without a trace. */
  status(sentence: string | undefined): void;
  /** What a command says at the moment, a few rows below the text; nothing of it stays. Harmless. */
  live(rows: readonly string[]): void;
}
