/** Everything a frontend takes from the process it runs in, so that a test can put another one around it. */
import type { Client, ConnectOptions } from '../connection/api.ts';
import { openControllingTerminal } from './controlling-terminal.ts';
import { usageError } from './failure.ts';
import { Output } from './output.ts';

/** The part of standard input that is used. */
export type Input = NodeJS.ReadableStream & {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
};

type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface Surroundings {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the program was started. */
  readonly directory: string;
  /**
   * Opens the terminal that the program belongs to, for questions while standard input is something else. The caller
   * destroys it. @returns undefined without one.
   */
  openTerminal(): (Input & { destroy(): unknown }) | undefined;
  readonly connect: (options: ConnectOptions) => Promise<Client>;
  /** @returns a function that ends the subscription. */
  onSignal(signal: SignalName, listener: () => void): () => void;
  /** Calls back when the process ends, whatever ends it. @returns a function that ends the subscription. */
  onExit(listener: () => void): () => void;
}

/** The process itself. Its streams are made when they are first used: making them costs more than a short command. */
export function processSurroundings(): Surroundings {
  const outputs = new Map<'stdout' | 'stderr', Output>();
  const output = (name: 'stdout' | 'stderr'): Output => {
    const made = outputs.get(name) ?? new Output(process[name]);
    outputs.set(name, made);
    return made;
  };
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return output('stdout');
    },
    get stderr() {
      return output('stderr');
    },
    environment: process.env,
    get directory() {
      return workingDirectory();
    },
    openTerminal: openControllingTerminal,
    connect: async (options) => (await import('../connection/client.ts')).connect(options),
    onSignal: (signal, listener) => subscribe(signal, listener),
    onExit: (listener) => subscribe('exit', listener),
  };
}

/** @throws ProtocolError INVALID_PARAMS when it was deleted under this process. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw usageError('the working directory no longer exists', 'Change to one that does.');
  }
}

function subscribe(event: SignalName | 'exit', listener: () => void): () => void {
  process.on(event, listener);
  return () => {
    process.off(event, listener);
  };
}
