/** How a verb is declared: its words for help, and the file that does it, which is loaded when it is used. */
import { Command } from 'commander';
import type { MctlContext } from './context.ts';

/** Arguments and options as commander has read them. */
export interface Invocation<Options> {
  readonly context: MctlContext;
  readonly args: readonly string[];
  readonly options: Options;
}

/** Does the verb. @returns the exit code when it is not 0. */
export type Verb<Options> = (invocation: Invocation<Options>) => Promise<number | void>;

/** Called by the chosen verb. */
export type Runner = (
  options: { readonly json?: boolean },
  act: (context: MctlContext) => Promise<number | void>,
) => Promise<void>;

export interface VerbDeclaration<Options> {
  readonly summary: string;
  /** In commander's notation: `<id> [words...]`. */
  readonly takes?: string;
  /** Flags in commander's notation, with their summaries. */
  readonly flags?: readonly (readonly [flags: string, summary: string])[];
  /** Whether `--json` is offered. */
  readonly json?: boolean;
  readonly examples?: readonly string[];
  readonly load: () => Promise<Verb<Options>>;
}

/** Adds a verb to a noun. */
export function addVerb<Options extends { readonly json?: boolean }>(
  noun: Command,
  name: string,
  declaration: VerbDeclaration<Options>,
  run: Runner,
): void {
  const verb = new Command(name).description(declaration.summary).allowExcessArguments(false);
  if (declaration.takes !== undefined) verb.arguments(declaration.takes);
  for (const [flags, summary] of declaration.flags ?? []) verb.option(flags, summary);
  if (declaration.json === true) verb.option('--json', 'print JSON');
  if (declaration.examples !== undefined) {
    verb.addHelpText('after', `\nExamples:\n${declaration.examples.map((example) => `  ${example}`).join('\n')}`);
  }
  verb.action(async () => {
    const options = verb.opts<Options>();
    await run(options, async (context) => {
      const act = await declaration.load();
      return act({ context, args: verb.args, options });
    });
  });
  noun.addCommand(verb);
}
