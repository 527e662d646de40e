/** A process for a frontend under test: streams that are read back, signals that a test sends. */
import { EventEmitter, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { Output, type OutputStream } from '../../client/command-line/output.ts';
import type { Surroundings } from '../../client/command-line/surroundings.ts';
import type { FakeDaemon } from './fake-daemon.ts';

/** An output stream whose text is kept. */
export class KeptStream extends EventEmitter implements OutputStream {
  text = '';
  readonly isTTY: boolean;
  columns = 80;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    this.emit('written');
    return true;
  }

  /** Waits until the text matches; fails with the text after the deadline. */
  async until(pattern: RegExp | string, deadlineMs = 5_000): Promise<void> {
    const matches = () => (typeof pattern === 'string' ? this.text.includes(pattern) : pattern.test(this.text));
    const deadline = AbortSignal.timeout(deadlineMs);
    while (!matches()) {
      try {
        await once(this, 'written', { signal: deadline });
      } catch {
        throw new Error(`never saw ${String(pattern)} in:\n${this.text}`);
      }
    }
  }
}

export interface FakeSurroundings {
  readonly around: Surroundings;
  readonly stdin: PassThrough;
  readonly stdout: KeptStream;
  readonly stderr: KeptStream;
  signal(name: string): void;
}

/** @param input all of standard input; without it the test writes to stdin itself. */
export function fakeSurroundings(
  daemon: FakeDaemon,
  options: { input?: string; isTTY?: boolean; environment?: NodeJS.ProcessEnv; directory?: string } = {},
): FakeSurroundings {
  const isTTY = options.isTTY ?? false;
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} });
  if (options.input !== undefined) Readable.from([options.input]).pipe(stdin);
  const stdout = new KeptStream(isTTY);
  const stderr = new KeptStream(isTTY);
  const signals = new EventEmitter();
  const around: Surroundings = {
    stdin,
    stdout: new Output(stdout),
    stderr: new Output(stderr),
    environment: options.environment ?? {},
    directory: options.directory ?? process.cwd(),
    connect: async () => daemon.connect(),
    onSignal: (name, listener) => {
      signals.on(name, listener);
      return () => signals.off(name, listener);
    },
    onExit: () => () => {},
  };
  return { around, stdin, stdout, stderr, signal: (name) => signals.emit(name) };
}
