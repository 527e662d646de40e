/** A real terminal: a private tmux server, with keys sent to it and its screen read back. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { waitUntil } from './m-home.ts';

/** Tests of a real terminal are left out where there is no tmux. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

export class TmuxTerminal {
  readonly #server = `m${randomBytes(4).toString('hex')}`;

  /** Runs a command; when it has ended, its exit code stands on the screen as `exit=0`. */
  constructor(
    command: readonly string[],
    options: { cwd: string; environment: Record<string, string>; columns?: number; rows?: number },
  ) {
    // A shell without a trap ends with what Ctrl+C ended.
    const shell = `trap : INT; ${command.map(quote).join(' ')}; echo exit=$?; exec sleep 600`;
    const size = ['-x', String(options.columns ?? 80), '-y', String(options.rows ?? 24)];
    const environment = Object.entries(options.environment).map(([name, value]) => `${name}=${value}`);
    this.#tmux([
      'new-session',
      '-d',
      ...size,
      '-c',
      options.cwd,
      'env',
      '-i',
      'TERM=tmux-256color',
      ...environment,
      'sh',
      '-c',
      shell,
    ]);
  }

  /** Types text to the letter. */
  type(text: string): void {
    this.#tmux(['send-keys', '-l', '--', text]);
  }

  /** Presses keys by their tmux names: Enter, C-c, Up. */
  press(...keys: string[]): void {
    this.#tmux(['send-keys', ...keys]);
  }

  /** Pastes as a terminal does, with markers where the program has asked for them. */
  paste(text: string): void {
    this.#tmux(['set-buffer', '--', text]);
    this.#tmux(['paste-buffer', '-p']);
  }

  resize(columns: number, rows: number): void {
    this.#tmux(['resize-window', '-x', String(columns), '-y', String(rows)]);
  }

  /** The screen without blanks at line ends and without empty lines at the bottom. */
  screen(): string {
    return this.#tmux(['capture-pane', '-p'])
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** Everything that was ever on it. */
  scrollback(): string {
    return this.#tmux(['capture-pane', '-p', '-J', '-S', '-']).trimEnd();
  }

  async until(pattern: RegExp | string, deadlineMs = 10_000): Promise<void> {
    let screen = '';
    await waitUntil(
      () => {
        screen = this.screen();
        return typeof pattern === 'string' ? screen.includes(pattern) : pattern.test(screen);
      },
      () => `never saw ${String(pattern)} on:\n${screen}`,
      deadlineMs,
    );
  }

  close(): void {
    spawnSync('tmux', ['-L', this.#server, 'kill-server']);
  }

  #tmux(args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#server, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
