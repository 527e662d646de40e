/** `mctl daemon logs`: read from the files, so that it works when the daemon does not. */
import type { MctlContext } from '../context.ts';
import { wholeNumber } from '../number-option.ts';
import type { Verb } from '../verb.ts';
import { LogTail, newestLines } from './log-files.ts';
import { logLine } from './log-line.ts';

interface LogsOptions {
  readonly json?: boolean;
  readonly lines?: string;
  readonly follow?: boolean;
}

const DEFAULT_LINES = 50;
const POLL_MS = 250;

export const logs: Verb<LogsOptions> = async ({ context, options }) => {
  const wanted = wholeNumber('--lines', options.lines) ?? DEFAULT_LINES;
  const { locate } = await import('../../connection/locations.ts');
  const { logDirectory } = locate(context.around.environment);
  const tail = new LogTail(logDirectory);
  const lines = newestLines(logDirectory, wanted);
  if (lines.length === 0) context.stderr.line(`no log in ${logDirectory}`);
  for (const line of lines) print(context, line);
  await context.stdout.drained();
  if (options.follow === true) await follow(context, tail);
};

/** Until a signal or until nobody reads. */
async function follow(context: MctlContext, tail: LogTail): Promise<void> {
  const { around, stdout } = context;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (const line of tail.read()) print(context, line);
    }, POLL_MS);
    const end = (): void => {
      clearInterval(timer);
      for (const undo of undos) undo();
      resolve();
    };
    const undos = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => around.onSignal(signal, end));
    stdout.gone.addEventListener('abort', end, { once: true });
  });
}

function print(context: MctlContext, line: string): void {
  context.stdout.line(context.isJson ? line : logLine(line));
}
