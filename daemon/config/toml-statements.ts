/** Tells where in a TOML text each key stands: for messages with a line, and for changing one key and nothing else. */

/** A table header or a `key = value`, with offsets into the text. */
export interface Statement {
  readonly kind: 'table' | 'entry';
  /** The full path, header included. */
  readonly path: readonly string[];
  /** Path of the header this entry stands under; empty above the first header. */
  readonly table: readonly string[];
  /** Counted from 1. */
  readonly line: number;
  /** From the beginning of the first line to the end of the last one, without its line break. */
  readonly start: number;
  readonly end: number;
  /** The value alone; empty for a header. */
  readonly valueStart: number;
  readonly valueEnd: number;
}

/**
 * Lists the statements of a text that a TOML parser has accepted.
 * An inline table counts as one value. The result for a text that is not TOML means nothing.
 */
export function readStatements(text: string): Statement[] {
  return new Scanner(text).scan();
}

class Scanner {
  private readonly text: string;
  private at = 0;
  private table: readonly string[] = [];

  constructor(text: string) {
    this.text = text;
  }

  scan(): Statement[] {
    const statements: Statement[] = [];
    if (this.text.startsWith('\uFEFF')) this.at = 1;
    while (this.skipToStatement()) {
      const start = this.at;
      statements.push(this.text[this.at] === '[' ? this.header(start) : this.entry(start));
    }
    return statements;
  }

  /** Moves to the next statement. Blank lines and comments belong to nobody. */
  private skipToStatement(): boolean {
    for (; this.at < this.text.length; this.at++) {
      const char = this.text[this.at];
      if (char === '#') this.at = this.endOfLine() - 1;
      else if (!isBlank(char)) return true;
    }
    return false;
  }

  private header(start: number): Statement {
    while (this.text[this.at] === '[') this.at++;
    const path = this.key(']');
    this.table = path;
    this.at = this.endOfLine();
    return this.statement('table', path, path, start, this.at, this.at);
  }

  private entry(start: number): Statement {
    const path = [...this.table, ...this.key('=')];
    this.at++;
    this.skipBlanks();
    const valueStart = this.at;
    const valueEnd = this.value();
    this.at = this.endOfLine();
    return this.statement('entry', path, this.table, start, valueStart, valueEnd);
  }

  private statement(
    kind: Statement['kind'],
    path: readonly string[],
    table: readonly string[],
    at: number,
    valueStart: number,
    valueEnd: number,
  ): Statement {
    const start = this.text.lastIndexOf('\n', at - 1) + 1;
    let end = this.at;
    if (this.text[end - 1] === '\r') end--;
    const line = this.text.slice(0, at).split('\n').length;
    return { kind, path, table, line, start, end, valueStart, valueEnd };
  }

  /** Reads a dotted key and stops at the character that ends it. */
  private key(end: string): string[] {
    const parts: string[] = [];
    while (this.at < this.text.length && this.text[this.at] !== end) {
      const char = this.text[this.at];
      if (char === '"' || char === "'") {
        const from = this.at;
        this.skipString();
        const raw = this.text.slice(from + 1, this.at - 1);
        parts.push(char === "'" ? raw : unescapeKey(raw));
      } else if (char === '.' || char === ' ' || char === '\t') {
        this.at++;
      } else {
        const bare = /[A-Za-z0-9_-]+/y;
        bare.lastIndex = this.at;
        const match = bare.exec(this.text)?.[0];
        if (match === undefined) return parts;
        parts.push(match);
        this.at += match.length;
      }
    }
    return parts;
  }

  /** Skips a value and returns where it ends, without blanks and comment. */
  private value(): number {
    let depth = 0;
    let end = this.at;
    while (this.at < this.text.length) {
      const char = this.text[this.at];
      if (depth === 0 && (char === '\n' || char === '#')) return end;
      if (char === '"' || char === "'") {
        this.skipString();
      } else if (char === '#') {
        this.at = this.endOfLine();
        continue;
      } else {
        if (char === '[' || char === '{') depth++;
        if (char === ']' || char === '}') depth--;
        this.at++;
      }
      if (!isBlank(char)) end = this.at;
    }
    return end;
  }

  /** Moves behind the string that begins here. */
  private skipString(): void {
    const quote = this.text[this.at] ?? '';
    const long = this.text.startsWith(quote.repeat(3), this.at);
    const close = long ? quote.repeat(3) : quote;
    this.at += close.length;
    while (this.at < this.text.length && !this.text.startsWith(close, this.at)) {
      this.at += quote === '"' && this.text[this.at] === '\\' ? 2 : 1;
    }
    this.at += close.length;
    // Up to two quotes may stand directly before the three that close a long string.
    for (let extra = 0; long && extra < 2 && this.text[this.at] === quote; extra++) this.at++;
  }

  private skipBlanks(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++;
  }

  private endOfLine(): number {
    const end = this.text.indexOf('\n', this.at);
    return end === -1 ? this.text.length : end;
  }
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

function unescapeKey(raw: string): string {
  const json = raw
    .replace(/\\U([0-9a-fA-F]{8})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/\\x([0-9a-fA-F]{2})/g, '\\u00$1')
    .replace(/\\e/g, '\\u001b')
    .replace(/\t/g, '\\t');
  try {
    return JSON.parse(`"${json}"`) as string;
  } catch {
    return raw;
  }
}
