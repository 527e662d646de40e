/** Reads any command line: prints help, and says what is wrong, with a suggestion. */
import { Command, CommanderError } from 'commander';
import { usageError } from '../command-line/failure.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import { EXIT_CODES_TEXT } from './exit-codes.ts';
import { LONE_VERBS, NOUNS } from './nouns.ts';
import { flagsOf, type Choice, type VerbDeclaration } from './verb.ts';

const EXAMPLES = `
Examples:
  mctl sessions list
  mctl sessions show 01K3 --tail 5
  mctl sessions export 01K3 --format md -o talk.md
  mctl approvals list
  mctl daemon status --json
  mctl config set model local/any-model
  mctl doctor

mctl help exit-codes explains the exit codes. Reads take --json; its fields only ever grow in number.`;

/** What came of a command line. */
export type Read =
  | { readonly kind: 'chosen'; readonly choice: Choice }
  /** Help was asked for and printed. */
  | { readonly kind: 'helped' }
  /** A noun without a verb: its help was printed to stderr. */
  | { readonly kind: 'incomplete' };

/** @throws ProtocolError INVALID_PARAMS; commander's own words stand in its message. */
export function readFully(argv: readonly string[], around: Surroundings): Read {
  let choice: Choice | undefined;
  const program = buildProgram(around, (chosen) => {
    choice = chosen;
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'helped' };
    if (error.code === 'commander.help') return { kind: 'incomplete' };
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    throw usageError(message, helpHint(program, argv));
  }
  return choice === undefined ? { kind: 'helped' } : { kind: 'chosen', choice };
}

/** Where help is for as much of a command as was understood. */
function helpHint(program: Command, argv: readonly string[]): string {
  const words = ['mctl'];
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) break;
    command = next;
    words.push(word);
  }
  return `\`${words.join(' ')} --help\` ${command.commands.length > 0 ? 'lists what there is' : 'says what it takes'}.`;
}

function buildProgram(around: Surroundings, choose: (choice: Choice) => void): Command {
  const program = new Command('mctl')
    .description('Manages the sessions, the daemon, the configuration and the keys of m.')
    .addHelpText('after', EXAMPLES)
    .helpCommand(false);
  for (const [name, { summary, verbs }] of Object.entries(NOUNS)) {
    const noun = program.command(name).description(summary);
    for (const [verb, declaration] of Object.entries(verbs)) addVerb(noun, verb, declaration, choose);
  }
  for (const [verb, declaration] of Object.entries(LONE_VERBS)) addVerb(program, verb, declaration, choose);
  addHelp(program, around);
  configure(program, around);
  return program;
}

function addVerb(parent: Command, name: string, declaration: VerbDeclaration, choose: (choice: Choice) => void): void {
  const { summary, takes, examples } = declaration;
  const verb = parent.command(name).description(summary).allowExcessArguments(false);
  if (takes !== undefined) verb.arguments(takes);
  for (const [flags, meaning] of flagsOf(declaration)) verb.option(flags, meaning);
  if (examples !== undefined)
    verb.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
  verb.action(() => {
    choose({ declaration, args: verb.args, options: verb.opts() });
  });
}

function addHelp(program: Command, { stdout }: Surroundings): void {
  program
    .command('help [words...]')
    .description('help for a command, or `exit-codes`')
    .action((words: string[]) => {
      if (words[0] === 'exit-codes') {
        stdout.line(EXIT_CODES_TEXT);
        return;
      }
      let command: Command = program;
      for (const word of words) {
        const next = command.commands.find((candidate) => candidate.name() === word);
        if (next === undefined) command.error(`unknown command '${word}'`);
        else command = next;
      }
      command.outputHelp();
    });
}

function configure(command: Command, around: Surroundings): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => {
        around.stdout.write(text);
      },
      writeErr: (text) => {
        around.stderr.write(text);
      },
      // The message is in the error, which the caller prints in the form that was asked for.
      outputError: () => {},
    });
  for (const child of command.commands) configure(child, around);
}
