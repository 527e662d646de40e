/** How a verb is declared: its words for help, and the file that does it, which is loaded when it is used. */
import type { MctlContext } from './context.ts';

/** Options as they were given, by their long names in camel case. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** A command line that has been read. */
export interface Invocation<O> {
  readonly context: MctlContext;
  readonly args: readonly string[];
  readonly options: O;
}

/** Does the verb. @returns the exit code when it is not 0. */
export type Verb<O> = (invocation: Invocation<O>) => Promise<number | void>;

export interface VerbDeclaration {
  readonly summary: string;
  /** `<id>`, `[key]`, `[words...]`, separated by blanks. */
  readonly takes?: string;
  /** `-o, --output <file>`, with what it does. */
  readonly flags?: readonly (readonly [flags: string, summary: string])[];
  /** Whether `--json` is offered. */
  readonly json?: boolean;
  readonly examples?: readonly string[];
  /** The options that it takes are those of `flags`. */
  readonly load: () => Promise<Verb<never>>;
}

export interface Noun {
  readonly summary: string;
  readonly verbs: Readonly<Record<string, VerbDeclaration>>;
}

/** A verb that was chosen, with what was given to it. */
export interface Choice {
  readonly declaration: VerbDeclaration;
  readonly args: readonly string[];
  readonly options: Options;
}

export const JSON_FLAG = ['--json', 'print JSON'] as const;

/** The flags of a verb, `--json` included. */
export function flagsOf(declaration: VerbDeclaration): readonly (readonly [flags: string, summary: string])[] {
  return [...(declaration.flags ?? []), ...(declaration.json === true ? [JSON_FLAG] : [])];
}
