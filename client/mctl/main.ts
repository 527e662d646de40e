/** `mctl`: sessions, daemon, configuration and keys from the command line. */
import { EXIT, exitCodeOf, failureOf, tellFailure, usageError } from '../command-line/failure.ts';
import { harmlessJson } from '../command-line/harmless-text.ts';
import { processSurroundings, type Surroundings } from '../command-line/surroundings.ts';
import { MctlContext } from './context.ts';
import { buildProgram } from './program.ts';

/**
 * Runs one command.
 * @param argv without the program.
 * @returns the exit code.
 */
export async function main(argv: string[], surroundings?: Surroundings): Promise<number> {
  const around = surroundings ?? processSurroundings();
  let exitCode: number = EXIT.ok;
  const program = buildProgram(async (options, act) => {
    const context = new MctlContext(around, options.json === true);
    try {
      exitCode = (await act(context)) ?? EXIT.ok;
      await around.stdout.drained();
      if (around.stdout.failure !== undefined) throw around.stdout.failure;
    } finally {
      await context.close();
    }
  }, around);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return tell(error, argv, around);
  }
}

async function tell(error: unknown, argv: readonly string[], around: Surroundings): Promise<number> {
  const { CommanderError } = await import('commander');
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
  // A noun without a verb: its help has been printed.
  if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
  const failure = failureOf(
    error instanceof CommanderError
      ? usageError(error.message.replace(/^error: /, '').replaceAll('\n', ' '), '`mctl --help` lists what there is.')
      : error,
  );
  if (argv.includes('--json')) around.stdout.line(harmlessJson({ type: 'error', ...failure }));
  else tellFailure(around.stderr, 'mctl', failure);
  return exitCodeOf(failure.kind);
}
