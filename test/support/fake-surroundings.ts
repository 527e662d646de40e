/** A process for a frontend under test: streams that are read back, signals that a test sends. */
import { EventEmitter, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { Output, type OutputStream } from '../../client/command-line/output.ts';
import type { Surroundings } from '../../client/command-line/surroundings.ts';
import type { FakeDaemon } from './fake-daemon.ts';
import { VirtualTerminal } from './virtual-terminal.ts';

/** An output stream whose text is kept, and shown on a terminal in memory. */
export class KeptStream extends EventEmitter implements OutputStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 60;
  readonly terminal = new VirtualTerminal(this.columns);

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    this.terminal.write(text);
    this.emit('written');
    return true;
  }

  /** Waits until the text matches; fails with the text after the deadline. */
  async until(pattern: RegExp | string, deadlineMs = 5_000): Promise<void> {
    await this.#untilTrue(
      () => occursIn(this.text, pattern),
      () => `never saw ${String(pattern)} in:\n${this.text}`,
      deadlineMs,
    );
  }

  /**
   * Waits until the screen matches.
   * @param atEnd whether the text must be the last one on the screen.
   */
  async untilScreen(pattern: RegExp | string, deadlineMs = 5_000, atEnd = false): Promise<void> {
    const { terminal } = this;
    await this.#untilTrue(
      () => (atEnd ? terminal.screen.endsWith(String(pattern)) : occursIn(terminal.screen, pattern)),
      () => `never saw ${String(pattern)} on the screen:\n${terminal.screen}`,
      deadlineMs,
    );
  }

  async #untilTrue(isTrue: () => boolean, failure: () => string, deadlineMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(deadlineMs);
    while (!isTrue()) {
      try {
        await once(this, 'written', { signal: deadline });
      } catch {
        throw new Error(failure());
      }
    }
  }
}

function occursIn(text: string, pattern: RegExp | string): boolean {
  return typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
}

export interface FakeSurroundings {
  readonly around: Surroundings;
  readonly stdin: PassThrough;
  /** What the terminal was switched to, in order. */
  readonly rawModes: readonly boolean[];
  readonly stdout: KeptStream;
  readonly stderr: KeptStream;
  signal(name: string): void;
}

/** @param input all of standard input; without it the test writes to stdin itself. */
export function fakeSurroundings(
  daemon: FakeDaemon,
  options: {
    input?: string;
    isTTY?: boolean;
    /** Whether stderr is a terminal, when it differs from the others. */
    isErrorTTY?: boolean;
    environment?: NodeJS.ProcessEnv;
    directory?: string;
  } = {},
): FakeSurroundings {
  const isTTY = options.isTTY ?? false;
  const rawModes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (mode: boolean) => void rawModes.push(mode) });
  if (options.input !== undefined) Readable.from([options.input]).pipe(stdin);
  const stdout = new KeptStream(isTTY);
  const stderr = new KeptStream(options.isErrorTTY ?? isTTY);
  const signals = new EventEmitter();
  const around: Surroundings = {
    stdin,
    stdout: new Output(stdout),
    stderr: new Output(stderr),
    environment: options.environment ?? {},
    directory: options.directory ?? process.cwd(),
    openTerminal: () => undefined,
    connect: async () => daemon.connect(),
    onSignal: (name, listener) => {
      signals.on(name, listener);
      return () => signals.off(name, listener);
    },
    onExit: () => () => {},
  };
  return { around, stdin, rawModes, stdout, stderr, signal: (name) => signals.emit(name) };
}
