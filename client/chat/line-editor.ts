/** The line being typed: node:readline behind gates, with pastes, history and lines of several lines. */
import { createInterface, type Interface, type Key } from 'node:readline';
import type { Input } from '../command-line/surroundings.ts';
import { EchoGate } from './echo-gate.ts';
import { KeySource } from './key-source.ts';
import { LineCodec } from './line-codec.ts';

export interface EditorHandlers {
  /** The line is complete; it has not left the screen yet. */
  beforeEnter(): void;
  enter(text: string): void;
  /** Ctrl+C. */
  interrupt(): void;
  /** Ctrl+D on an empty line, or the end of input. */
  end(): void;
  /** A key was pressed: the line may have changed. */
  changed(): void;
  tab(): void;
  /** Ctrl+L: the screen was cleared. */
  cleared(): void;
}

export interface EditorOptions {
  readonly input: Input;
  readonly columns: number;
  /** Where what is to be seen goes. */
  readonly sink: (text: string) => void;
  /** Newest first. */
  readonly history: readonly string[];
  readonly complete: (beginning: string) => readonly string[];
  readonly handlers: EditorHandlers;
}

const HISTORY_LINES = 1_000;

export class LineEditor {
  readonly #codec = new LineCodec();
  readonly #keys: KeySource;
  readonly #gate: EchoGate;
  readonly #readline: Interface;
  /** Encoded, newest first. The editor's own list is overwritten with it, since only whole prompts belong there. */
  readonly #history: string[];
  /** The editor's own list, once it has shown it. */
  #ownHistory: string[] = [];
  readonly #changed: () => void;
  #closed = false;

  constructor(options: EditorOptions) {
    const { handlers } = options;
    this.#changed = () => {
      handlers.changed();
    };
    this.#gate = new EchoGate(options.columns, options.sink);
    this.#keys = new KeySource(options.input, (text) => {
      this.insert(text);
      handlers.changed();
    });
    this.#history = options.history.map((text) => this.#codec.encode(text));
    this.#readline = createInterface({
      input: this.#keys,
      output: this.#gate,
      terminal: true,
      prompt: '',
      history: [...this.#history],
      historySize: HISTORY_LINES,
      completer: (line: string) => {
        const found = options.complete(line);
        return [found.length === 1 ? found : [], line];
      },
    });
    this.#readline.on('history', (lines: string[]) => {
      this.#ownHistory = lines;
      this.#shareHistory();
    });
    this.#readline.on('line', (line) => {
      handlers.enter(this.#codec.decode(line));
    });
    this.#readline.on('SIGCONT', () => handlers.cleared());
    this.#readline.on('SIGINT', () => handlers.interrupt());
    this.#readline.on('close', () => {
      if (!this.#closed) handlers.end();
    });
    this.#keys.prependListener('keypress', (_text: string | undefined, key: Key) => {
      if (key.name === 'return' || key.name === 'enter') handlers.beforeEnter();
    });
    this.#keys.on('keypress', (_text: string | undefined, key: Key) => {
      if (key.ctrl === true && key.name === 'l') handlers.cleared();
      if (key.name === 'tab') handlers.tab();
      handlers.changed();
    });
  }

  get text(): string {
    return this.#codec.decode(this.#readline.line);
  }

  get isEmpty(): boolean {
    return this.#readline.line === '';
  }

  /** Rows from the top of the prompt to the cursor. */
  get cursorRows(): number {
    return this.#readline.getCursorPos().rows;
  }

  /** @returns whether it was another one before; it is seen when the line is drawn again. */
  setPrompt(prompt: string): boolean {
    const isAnother = this.#readline.getPrompt() !== prompt;
    this.#readline.setPrompt(prompt);
    return isAnother;
  }

  /** Puts a text where the cursor is. */
  insert(text: string): void {
    this.#readline.write(this.#codec.encode(text));
  }

  clear(): void {
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
  }

  /** Keeps a prompt for the arrow keys. */
  remember(text: string): void {
    this.#history.unshift(this.#codec.encode(text));
    this.#history.splice(HISTORY_LINES);
    this.#shareHistory();
  }

  /** Draws prompt and line from the row on in which the cursor is, at its beginning. */
  draw(): void {
    this.#gate.isOpen = true;
    // It goes up by the rows that it remembers before it draws again; they are not there, so it is put lower by them.
    // What it remembers has no official name and differs from the true rows after a fast sequence of keys.
    const { prevRows } = this.#readline as Interface & { readonly prevRows?: number };
    this.#gate.write('\n'.repeat(prevRows ?? this.cursorRows));
    this.#readline.prompt(true);
  }

  /** From now on nothing of the line is shown; it is kept. */
  hide(): void {
    this.#gate.isOpen = false;
  }

  /** What is typed goes to somebody else until this is called without anybody. The line stays as it is. */
  divert(taker: ((chunk: Buffer) => void) | undefined): void {
    this.#keys.divert(taker);
  }

  /** A letter was an answer; what completes its word is not typed into the line. */
  swallow(restOfWord: string): void {
    this.#keys.swallow(restOfWord, this.#changed);
  }

  resize(columns: number): void {
    this.#gate.columns = columns;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.isOpen = false;
    this.#readline.close();
    this.#keys.release();
  }

  #shareHistory(): void {
    this.#ownHistory.splice(0, this.#ownHistory.length, ...this.#history);
  }
}
