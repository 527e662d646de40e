/** `m run "prompt"`: one turn, for scripts. */
import { text } from 'node:stream/consumers';
import { Command, InvalidArgumentError } from 'commander';
import { marksFor } from '../calls/marks.ts';
import { EXIT, exitCodeOf, failureOf, usageError } from '../command-line/failure.ts';
import { addStartFlags, parseCommandLine, readStartFlags } from '../command-line/start-flags.ts';
import { paintFor } from '../command-line/style.ts';
import { processSurroundings, type Input, type Surroundings } from '../command-line/surroundings.ts';
import { keyNote } from '../keys/key-note.ts';
import { Unlocker } from '../keys/unlocker.ts';
import { CallLines } from './call-lines.ts';
import { JsonReport } from './json-report.ts';
import type { Report } from './report.ts';
import { runTurn } from './run.ts';
import { TextReport } from './text-report.ts';

const HELP = `
The prompt comes from the command line, or from standard input with - or without a prompt.
What needs an answer is asked on the terminal; without one it is refused, and --mode says what needs none.
A turn goes on in the daemon whatever becomes of this command; m -r <id> shows it.

Exit codes: 0 completed, 1 failed, 2 usage, 3 not found, 4 key or permission, 5 conflict,
69 daemon unavailable, 75 queued or interrupted, 130 cancelled.

Examples:
  m run "what does this directory hold?"
  git diff | m run --json -
  m run -c --timeout 60 "and now?"
`;

interface RunFlags {
  readonly json?: boolean;
  readonly timeout?: number;
}

/**
 * Runs one turn.
 * @param argv without the program and without `run`.
 * @returns the exit code.
 */
export async function main(argv: string[], surroundings?: Surroundings): Promise<number> {
  const around = surroundings ?? processSurroundings();
  const { stdout, stderr } = around;
  // A command line that cannot be read does not say how it wants its errors, but it can be seen.
  let report: Report = argv.includes('--json') ? new JsonReport(stdout, stderr) : new TextReport(stdout, stderr);
  try {
    const command = commandLine();
    if (!parseCommandLine(command, argv, stdout)) return EXIT.ok;
    const flags = command.opts<RunFlags>();
    const calls = stderr.isTerminal
      ? new CallLines(marksFor(around.environment), paintFor(stderr, around.environment))
      : undefined;
    if (flags.json !== true) report = new TextReport(stdout, stderr, calls);
    return await run(command, flags, around, report, calls);
  } catch (error) {
    const failure = failureOf(error);
    report.fail(failure);
    return exitCodeOf(failure.kind);
  }
}

function commandLine(): Command {
  return addStartFlags(new Command('m run').description('Runs one turn and prints the answer.'))
    .argument('[prompt...]', 'the prompt; - reads it from standard input')
    .option('--json', 'print one JSON object a line (docs/RUN.md lists them)')
    .option('--timeout <seconds>', 'stop watching after so long; the turn goes on', seconds)
    .addHelpText('after', HELP);
}

async function run(
  command: Command,
  flags: RunFlags,
  around: Surroundings,
  report: Report,
  calls: CallLines | undefined,
): Promise<number> {
  const wish = readStartFlags(command.opts(), around.environment, around.directory);
  if (wish.from.kind === 'list') {
    throw usageError('m run -r needs the id of a session or save', '`m -r` lists them; put the id right behind -r.');
  }
  const prompt = await readPrompt(command.args, around);
  const terminal = openTerminal(around);
  const client = await around.connect({
    kind: 'run',
    allowKeyfile: wish.allowKeyfile,
    environment: around.environment,
    onProgress: (sentence) => {
      report.note(sentence);
    },
  });
  try {
    const unlocker = new Unlocker(client, around);
    const key = await unlocker.open();
    const note = keyNote(key, around.environment);
    if (key.created && note !== undefined) report.note(note);
    const timeoutMs = flags.timeout === undefined ? undefined : flags.timeout * 1000;
    const input = terminal?.input;
    const exitCode = await runTurn({ client, unlocker, around, wish, prompt, timeoutMs, report, calls, input });
    const { failure } = around.stdout;
    if (failure === undefined) return exitCode;
    report.note(`the answer could not be written: ${failure.message}`);
    return EXIT.failed;
  } finally {
    terminal?.close();
    await client.close();
  }
}

/** Where a person can be asked: what they type, while stderr shows them the question. Undefined when nobody can be asked. */
function openTerminal(around: Surroundings): { input: Input; close(): void } | undefined {
  const { stdin, stderr } = around;
  if (!stderr.isTerminal) return undefined;
  if (stdin.isTTY === true) return { input: stdin, close: () => stdin.pause() };
  const input = around.openTerminal();
  return input === undefined ? undefined : { input, close: () => input.destroy() };
}

/** @throws ProtocolError INVALID_PARAMS when there is no prompt. */
async function readPrompt(words: readonly string[], { stdin }: Surroundings): Promise<string> {
  const given = words.join(' ');
  const fromStdin = given === '-' || (given === '' && stdin.isTTY !== true);
  const prompt = fromStdin ? await text(stdin) : given;
  if (prompt.trim() !== '') return prompt;
  throw usageError('there is no prompt', 'Give one as an argument, or on standard input: m run "hello"');
}

function seconds(value: string): number {
  const number = Number(value);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new InvalidArgumentError('Give a number of seconds above 0.');
}
