/** `mctl`: sessions, daemon, configuration and keys from the command line. */
import { EXIT, exitCodeOf, failureOf, tellFailure } from '../command-line/failure.ts';
import { processSurroundings, type Surroundings } from '../command-line/surroundings.ts';
import { MctlContext } from './context.ts';
import { readPlainly } from './plain-command-line.ts';
import type { Choice } from './verb.ts';

/**
 * Runs one command.
 * @param argv without the program.
 * @returns the exit code.
 */
export async function main(argv: string[], surroundings?: Surroundings): Promise<number> {
  const around = surroundings ?? processSurroundings();
  try {
    const plain = readPlainly(argv);
    if (plain !== undefined) return await run(plain, around);
    const { readFully } = await import('./full-command-line.ts');
    const read = readFully(argv, around);
    if (read.kind === 'chosen') return await run(read.choice, around);
    return read.kind === 'helped' ? EXIT.ok : EXIT.usage;
  } catch (error) {
    const failure = failureOf(error);
    const context = new MctlContext(around, argv.includes('--json'));
    if (context.isJson) context.jsonLine({ type: 'error', ...failure });
    else tellFailure(around.stderr, 'mctl', failure);
    return exitCodeOf(failure.kind);
  }
}

async function run({ declaration, args, options }: Choice, around: Surroundings): Promise<number> {
  const context = new MctlContext(around, options['json'] === true);
  try {
    const act = await declaration.load();
    // The options were read by the declaration that names this verb.
    const code = await act({ context, args, options: options as never });
    await around.stdout.drained();
    if (around.stdout.failure !== undefined) throw around.stdout.failure;
    return code ?? EXIT.ok;
  } finally {
    await context.close();
  }
}
