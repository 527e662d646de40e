/** Asks on a terminal in the place of the typed line, and shows what is long a screen at a time. */
import type { InkLine } from '../calls/ink-line.ts';
import { bracketedWord } from '../command-line/bracketed-word.ts';
import { displayWidth } from '../command-line/display-width.ts';
import { questionLine, type Choice, type Dialogue } from '../files/dialogue.ts';
import { AnswerKeys, type KeyOffer } from './answer-keys.ts';
import type { LineEditor } from './line-editor.ts';
import { QuestionLine } from './question-line.ts';
import type { Screen } from './screen.ts';
import type { Transcript } from './transcript.ts';

/** No key may have been pressed for so long before the next one can be an answer. */
const QUIET_MS = 300;
const MORE = '-- more -- (Space goes on, q is enough) ';
const ENTER: ReadonlySet<string> = new Set(['\r', '\n']);
/** Rows of the screen that are left for what was read last, and for the question. */
const OTHER_ROWS = 3;

export interface TerminalDialogueParts {
  readonly screen: Screen;
  readonly editor: LineEditor;
  readonly transcript: Transcript;
  /** Whether nothing of more importance, a passphrase, takes the place of the typed line. */
  readonly isFree: () => boolean;
  /** Status and typed line are to be looked at again. */
  readonly changed: () => void;
}

interface Asked {
  readonly text: string;
  readonly offers: readonly KeyOffer<string>[];
  /** What may be typed behind the letter of an offer. */
  readonly restOf: (key: string) => string;
  /** What Enter means, and what Escape and Ctrl+C mean. */
  readonly enter: string;
  readonly escape: string;
  readonly answer: (key: string) => void;
}

export class TerminalDialogue implements Dialogue {
  readonly #parts: TerminalDialogueParts;
  readonly #line: QuestionLine;
  #keys = new AnswerKeys();
  #asked: Asked | undefined;
  /** Whether the keys come here. */
  #hasPlace = false;
  /** Runs while keys are still about something else. */
  #quiet: NodeJS.Timeout | undefined;

  constructor(parts: TerminalDialogueParts) {
    this.#parts = parts;
    this.#line = new QuestionLine(parts.screen.columns, parts.screen.echo);
  }

  get isOpen(): boolean {
    return this.#asked !== undefined;
  }

  /** A key went to the typed line: whoever pressed it has not read the question. */
  typed(): void {
    if (this.#quiet !== undefined) this.#wait();
  }

  close(): void {
    clearTimeout(this.#quiet);
  }

  /** Takes the place of the typed line as soon as it is free. */
  look(): void {
    const isFree = this.#parts.isFree();
    if (!isFree) this.#hasPlace = false;
    const asked = this.#asked;
    if (asked === undefined || !isFree || this.#hasPlace || this.#quiet !== undefined) return;
    const { editor, screen } = this.#parts;
    this.#hasPlace = true;
    this.#line.resize(screen.columns);
    this.#line.set(() => asked.text);
    editor.divert((chunk) => {
      this.#take(asked, chunk.toString('utf8'));
    });
    screen.attach(this.#line);
  }

  async show(pages: AsyncIterable<readonly InkLine[]>): Promise<void> {
    const { transcript } = this.#parts;
    let held: InkLine[] = [];
    let rows = 0;
    for await (const page of pages) {
      for (const line of page) {
        const taken = this.#rowsOf(line);
        if (held.length > 0 && rows + taken > this.#room) {
          transcript.printLines(held);
          held = [];
          rows = 0;
          if ((await this.#more()) === 'q') return;
        }
        held.push(line);
        rows += taken;
      }
    }
    transcript.printLines(held);
  }

  async choose(question: string, choices: readonly Choice[], otherwise: string): Promise<string> {
    const { transcript } = this.#parts;
    const text = questionLine(question, choices);
    this.#wait();
    const key = await this.#ask({
      text,
      offers: choices.map((choice) => ({ key: choice.key, wish: choice.key })),
      restOf: (pressed) =>
        bracketedWord(choices.find((choice) => choice.key === pressed)?.words ?? '').slice(pressed.length),
      enter: otherwise,
      escape: otherwise,
    });
    transcript.printLines([{ text: `${text}${key}`, ink: 'dim' }]);
    return key;
  }

  get #room(): number {
    return Math.max(1, this.#parts.screen.rows - OTHER_ROWS);
  }

  #rowsOf({ text }: InkLine): number {
    return Math.max(1, Math.ceil(displayWidth(text) / this.#parts.screen.columns));
  }

  #more(): Promise<string> {
    const offers = [' ', 'q'].map((key) => ({ key, wish: key }));
    return this.#ask({ text: MORE, offers, restOf: () => '', enter: ' ', escape: 'q' });
  }

  #wait(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      this.#parts.changed();
    }, QUIET_MS);
  }

  #ask(question: Omit<Asked, 'answer'>): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#keys = new AnswerKeys();
    this.#asked = { ...question, answer: resolve };
    this.#parts.changed();
    return promise;
  }

  #take(asked: Asked, chunk: string): void {
    const pressed = this.#keys.push(chunk, asked.offers);
    const isEscape = pressed.kind === 'interrupt' || pressed.kind === 'end' || pressed.kind === 'aside';
    if (isEscape) this.#answer(asked, asked.escape);
    else if (pressed.kind === 'wish') {
      this.#answer(asked, pressed.wish);
      this.#swallow(asked.restOf(pressed.wish));
    } else if (ENTER.has(chunk)) this.#answer(asked, asked.enter);
  }

  #swallow(restOfWord: string): void {
    if (restOfWord !== '') this.#parts.editor.swallow(restOfWord);
  }

  #answer(asked: Asked, key: string): void {
    const { editor, screen, changed } = this.#parts;
    this.#asked = undefined;
    this.#hasPlace = false;
    editor.divert(undefined);
    screen.attach(editor);
    asked.answer(key);
    changed();
  }
}
