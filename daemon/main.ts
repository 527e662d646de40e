/** The daemon's program: reads its arguments, checks its surroundings, runs. */
import { BUILD } from '../protocol/version.ts';
import { USAGE, readArguments, type Arguments } from './life/arguments.ts';
import { runDaemon } from './life/run-daemon.ts';

const EXIT_USAGE = 2;

function parsed(): Arguments | undefined {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'bad arguments'}\nusage: ${USAGE}\n`);
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
}

const args = parsed();
if (args !== undefined) {
  void runDaemon({
    ...args,
    programDirectory: BUILD.id === 'source' ? undefined : import.meta.dirname,
    build: BUILD,
    logLevel: process.env['M_LOG_LEVEL'],
    loadBuildDaemon: async () => (await import('./daemon.ts')).buildDaemon,
  });
}
