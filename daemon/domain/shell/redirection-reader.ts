/** Reads what is redirected from where to where, here-documents included, whose text begins with the next line. */
import { NotUnderstood, type Redirection, type Word } from './syntax.ts';
import { TextCursor } from './text-cursor.ts';
import type { WordReader } from './word-reader.ts';

const OPERATOR = /(?:\d*|\{\w+\})(?:<<<|<<-|<<|<>|<&|>>|>\||>&|<(?!\()|>(?!\())|&>>|&>/y;

interface AwaitedText {
  readonly delimiter: string;
  /** Nothing in it is expanded. */
  readonly quoted: boolean;
  /** Tabs in front of its lines do not count. */
  readonly indented: boolean;
  fill(text: Word): void;
}

export class RedirectionReader {
  readonly #cursor: TextCursor;
  readonly #wordsOf: (cursor: TextCursor) => WordReader;
  #awaited: AwaitedText[] = [];

  constructor(cursor: TextCursor, wordsOf: (cursor: TextCursor) => WordReader) {
    this.#cursor = cursor;
    this.#wordsOf = wordsOf;
  }

  /** Takes one when it comes next, and adds it. @throws NotUnderstood */
  read(found: Redirection[]): boolean {
    const cursor = this.#cursor;
    const operator = cursor.match(OPERATOR)?.[0]?.replace(/^(?:\d+|\{\w+\})/, '');
    if (operator === undefined) return false;
    cursor.skipBlanks();
    const { at } = cursor;
    const target = this.#wordsOf(cursor).read();
    if (target === undefined) throw new NotUnderstood(`nothing follows ${operator}`);
    if (operator !== '<<' && operator !== '<<-') {
      found.push({ operator, target, ...(operator === '<<<' ? { text: target } : {}) });
      return true;
    }
    const index = found.push({ operator, target }) - 1;
    this.#awaited.push({
      delimiter: target.pieces.map((piece) => (piece.kind === 'text' ? piece.text : '')).join(''),
      quoted: /['"\\]/.test(cursor.text.slice(at, cursor.at)),
      indented: operator === '<<-',
      fill: (text) => {
        found[index] = { operator, target, text };
      },
    });
    return true;
  }

  /** Takes the line feed at the cursor, and the here-documents that follow it. */
  newLine(): void {
    this.#cursor.at += 1;
    const awaited = this.#awaited;
    this.#awaited = [];
    for (const one of awaited) one.fill(this.#textOf(one));
  }

  #textOf({ delimiter, quoted, indented }: AwaitedText): Word {
    const lines: string[] = [];
    while (!this.#cursor.ended) {
      const line = this.#cursor.match(/[^\n]*\n?/y)?.[0] ?? '';
      const plain = indented ? line.replace(/^\t+/, '') : line;
      if (plain.replace(/\n$/, '') === delimiter) break;
      lines.push(plain);
    }
    const text = lines.join('');
    if (quoted) return { pieces: [{ kind: 'text', text, quoted: true }] };
    return this.#wordsOf(new TextCursor(text)).readExpanded();
  }
}
