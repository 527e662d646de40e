/** Everything a frontend takes from the process it runs in, so that a test can put another one around it. */
import type { Client, ConnectOptions } from '../connection/api.ts';
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
  readonly connect: (options: ConnectOptions) => Promise<Client>;
  /** @returns a function that ends the subscription. */
  onSignal(signal: SignalName, listener: () => void): () => void;
  /** Calls back when the process ends, whatever ends it. @returns a function that ends the subscription. */
  onExit(listener: () => void): () => void;
}

/** The process itself. */
export function processSurroundings(): Surroundings {
  return {
    stdin: process.stdin,
    stdout: new Output(process.stdout),
    stderr: new Output(process.stderr),
    environment: process.env,
    directory: process.cwd(),
    connect: async (options) => (await import('../connection/client.ts')).connect(options),
    onSignal(signal, listener) {
      process.on(signal, listener);
      return () => {
        process.off(signal, listener);
      };
    },
    onExit(listener) {
      process.on('exit', listener);
      return () => {
        process.off('exit', listener);
      };
    },
  };
}
