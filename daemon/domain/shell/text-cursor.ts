/** A place in a piece of shell text, and the small steps that can be taken from there. */
import { NotUnderstood } from './syntax.ts';

export class TextCursor {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  /** The character at the cursor, or one behind it; empty at the end. */
  peek(distance = 0): string {
    return this.text[this.at + distance] ?? '';
  }

  sees(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  /** Takes a text when it comes next. */
  skip(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  /** Takes what a sticky expression matches. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }

  /** Takes everything before a text, and the text. @throws NotUnderstood */
  until(text: string, what: string): string {
    const end = this.text.indexOf(text, this.at);
    if (end === -1) throw new NotUnderstood(`${what} is not closed`);
    const taken = this.text.slice(this.at, end);
    this.at = end + text.length;
    return taken;
  }

  /** Blanks, line continuations and, at the beginning of a word, comments. */
  skipBlanks(): void {
    this.match(/(?:[ \t\r]|\\\n)+/y);
    if (this.peek() === '#') this.match(/[^\n]*/y);
  }
}
