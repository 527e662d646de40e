/** The daemon's program: makes sure of its Node and its arguments, then starts the process around `buildDaemon`. */
import { BUILD } from '../protocol/version.ts';
import { USAGE, readArguments, type Arguments } from './life/arguments.ts';
import { closeInherited } from './life/hardening.ts';
import { requireNode } from './life/node-version.ts';
import { startVaultThread } from './vault/vault-thread.ts';

/** A command line that is not one of ours. */
const EXIT_USAGE = 2;

requireNode();
void start(readOrExit());

async function start({ close, ...args }: Arguments): Promise<void> {
  closeInherited(close);
  // Loads the native lock, which an old Node would not survive.
  const { runDaemon } = await import('./life/run-daemon.ts');
  await runDaemon({
    ...args,
    programDirectory: BUILD.id === 'source' ? undefined : import.meta.dirname,
    build: BUILD,
    logLevel: process.env['M_LOG_LEVEL'],
    startVaultThread: (dataDirectory) => startVaultThread({ dataDirectory }),
    loadBuildDaemon: async () => (await import('./daemon.ts')).buildDaemon,
  });
}

function readOrExit(): Arguments {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`m daemon: ${error instanceof Error ? error.message : String(error)}\nusage: ${USAGE}\n`);
    return process.exit(EXIT_USAGE);
  }
}
