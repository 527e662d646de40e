/** What a piece of shell text consists of, as far as it matters to somebody who judges it before it runs. */

/** The text cannot be read as shell: nobody can say what it would do. The message is for a person. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

/** A stretch of a word. `quoted` text is taken as it is: no pattern, no splitting. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  /** `plain` when it is the value itself and nothing is done to it (`${x:-y}` is not). */
  | { readonly kind: 'variable'; readonly name: string; readonly plain: boolean; readonly quoted: boolean }
  /** Output of commands, `$(…)`, or a file that stands for it, `<(…)`. */
  | { readonly kind: 'output'; readonly script: Script; readonly file: boolean; readonly quoted: boolean }
  /** Elements of an array assignment. */
  | { readonly kind: 'list'; readonly words: readonly Word[] };

export interface Word {
  readonly pieces: readonly Piece[];
}

export interface Redirection {
  readonly operator: string;
  readonly target: Word;
  /** Text of a here-document, or of a here-string. */
  readonly text?: Word;
}

/** A command and its arguments, assignments in front included. */
export interface SimpleCommand {
  readonly kind: 'simple';
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
  /** As it was written. */
  readonly source: string;
}

/** Anything with commands inside: a subshell, a loop, a condition. */
export interface Compound {
  readonly kind: 'compound';
  readonly subshell: boolean;
  readonly body: Script;
  /** Words that are expanded on the way: of `for` and `case`, and what was computed. */
  readonly words: readonly Word[];
  /** Name that takes each of the words, of a `for`. */
  readonly variable?: string;
  readonly redirections: readonly Redirection[];
}

export interface FunctionDefinition {
  readonly kind: 'function';
  readonly functionName: string;
  readonly body: Node;
}

export type Node = SimpleCommand | Compound | FunctionDefinition;

export interface Pipeline {
  readonly nodes: readonly Node[];
  /** It goes on while the next one runs. */
  readonly background: boolean;
}

export interface Script {
  readonly pipelines: readonly Pipeline[];
}

export const NO_SCRIPT: Script = { pipelines: [] };
