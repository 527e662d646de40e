/** The nouns and verbs of `mctl`, with their help. Nothing that a verb needs is loaded here. */
import { Command } from 'commander';
import type { Surroundings } from '../command-line/surroundings.ts';
import { declareConfig, declareDoctor, declareKeys } from './declare-config.ts';
import { declareDaemon } from './declare-daemon.ts';
import { declareSessions } from './declare-sessions.ts';
import { EXIT_CODES_TEXT } from './exit-codes.ts';
import type { Runner } from './verb.ts';

const EXAMPLES = `
Examples:
  mctl sessions list
  mctl sessions show 01K3 --tail 5
  mctl sessions export 01K3 --format md -o talk.md
  mctl daemon status --json
  mctl config set model local/any-model
  mctl doctor

mctl help exit-codes explains the exit codes. Reads take --json; its fields only ever grow in number.`;

/** Builds the command line. A noun without a verb prints its help to stderr. */
export function buildProgram(run: Runner, around: Surroundings): Command {
  const program = new Command('mctl')
    .description('Manages the sessions, the daemon, the configuration and the keys of m.')
    .addHelpText('after', EXAMPLES)
    .helpCommand(false);
  declareSessions(program, run);
  declareDaemon(program, run);
  declareConfig(program, run);
  declareKeys(program, run);
  declareDoctor(program, run);
  declareHelp(program, around.stdout);
  configure(program, around);
  return program;
}

function declareHelp(program: Command, stdout: Surroundings['stdout']): void {
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

/** Settings that commander does not hand down to commands that were made apart. */
function configure(command: Command, around: Surroundings): void {
  const { stdout, stderr } = around;
  command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => {
        stdout.write(text);
      },
      writeErr: (text) => {
        stderr.write(text);
      },
      // The message is in the error, which the caller prints in the form that was asked for.
      outputError: () => {},
    });
  for (const child of command.commands) configure(child, around);
}
