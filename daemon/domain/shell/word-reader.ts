/** Reads the words of shell text: quotes, escapes, and what is expanded inside of them. */
import type { Limits } from './limits.ts';
import { NotUnderstood, type Piece, type Script, type Word } from './syntax.ts';
import { TextCursor } from './text-cursor.ts';

/** How commands inside a word are read; the reader of commands brings it along. */
export interface CommandsInside {
  readonly limits: Limits;
  /** Reads up to the parenthesis that closes, and takes it. */
  readScript(cursor: TextCursor): Script;
}

const ENDS_WORD = ' \t\r\n;&|()<>';
const ANSI_ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  e: '\u001b',
  E: '\u001b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

export class WordReader {
  readonly #cursor: TextCursor;
  readonly #inside: CommandsInside;

  constructor(cursor: TextCursor, inside: CommandsInside) {
    this.#cursor = cursor;
    this.#inside = inside;
  }

  /** Reads one word. @returns undefined when none begins here. @throws NotUnderstood */
  read(): Word | undefined {
    const cursor = this.#cursor;
    const pieces: Piece[] = [];
    const start = cursor.at;
    while (!cursor.ended) {
      if (/[<>]/.test(cursor.peek()) && cursor.peek(1) === '(') {
        cursor.at += 2;
        pieces.push({ kind: 'output', script: this.#inside.readScript(cursor), file: true, quoted: false });
      } else if (cursor.peek() === '(' && this.#opensList(pieces)) {
        pieces.push(this.#list());
      } else if (cursor.peek() === '(' && /[?*+@!]/.test(cursor.text[cursor.at - 1] ?? '') && cursor.at > start) {
        pieces.push({ kind: 'text', text: this.#pattern(), quoted: false });
      } else if (ENDS_WORD.includes(cursor.peek())) {
        break;
      } else {
        this.#piece(pieces);
      }
    }
    return cursor.at === start ? undefined : { pieces };
  }

  /** The text of a here-document or of an expression: expanded as between double quotes, up to its end. */
  readExpanded(): Word {
    const pieces: Piece[] = [];
    while (!this.#cursor.ended) this.#quotedPiece(pieces);
    return { pieces };
  }

  /** Takes `((…))` from behind its beginning. @returns undefined, having taken nothing, when it is none. */
  arithmetic(): Word | undefined {
    const cursor = this.#cursor;
    const start = cursor.at;
    const pieces: Piece[] = [];
    for (let depth = 0; ;) {
      if (cursor.ended) break;
      if (depth === 0 && cursor.skip('))')) return { pieces };
      const next = cursor.peek();
      if (next === ')' && depth === 0) break;
      depth += next === '(' ? 1 : next === ')' ? -1 : 0;
      this.#quotedPiece(pieces);
    }
    cursor.at = start;
    return undefined;
  }

  #piece(pieces: Piece[]): void {
    const cursor = this.#cursor;
    if (cursor.skip('\\\n')) return;
    if (cursor.skip('\\')) {
      pieces.push({ kind: 'text', text: cursor.peek(), quoted: true });
      cursor.at += 1;
    } else if (cursor.skip("'")) {
      pieces.push({ kind: 'text', text: cursor.until("'", 'a quotation mark'), quoted: true });
    } else if (cursor.skip('"') || cursor.skip('$"')) {
      this.#doubleQuoted(pieces);
    } else if (cursor.skip("$'")) {
      pieces.push({ kind: 'text', text: this.#ansi(), quoted: true });
    } else if (/[$`]/.test(cursor.peek())) {
      this.#inside.limits.inside(() => this.#expansion(pieces, false));
    } else {
      const text = cursor.match(/[^ \t\r\n;&|()<>\\'"$`]+/y)?.[0] ?? '';
      pieces.push({ kind: 'text', text, quoted: false });
    }
  }

  #doubleQuoted(pieces: Piece[]): void {
    pieces.push({ kind: 'text', text: '', quoted: true });
    while (!this.#cursor.skip('"')) {
      if (this.#cursor.ended) throw new NotUnderstood('a quotation mark is not closed');
      this.#quotedPiece(pieces);
    }
  }

  #quotedPiece(pieces: Piece[]): void {
    const cursor = this.#cursor;
    if (cursor.skip('\\\n')) return;
    if (cursor.peek() === '\\' && /[$`"\\]/.test(cursor.peek(1))) {
      pieces.push({ kind: 'text', text: cursor.peek(1), quoted: true });
      cursor.at += 2;
    } else if (/[$`]/.test(cursor.peek())) {
      this.#inside.limits.inside(() => this.#expansion(pieces, true));
    } else {
      pieces.push({ kind: 'text', text: cursor.match(/[^"\\$`()]+|[^]/y)?.[0] ?? '', quoted: true });
    }
  }

  #expansion(pieces: Piece[], quoted: boolean): void {
    const cursor = this.#cursor;
    if (cursor.skip('`')) {
      pieces.push({ kind: 'output', script: this.#backquoted(), file: false, quoted });
    } else if (cursor.skip('$((')) {
      const computed = this.arithmetic();
      if (computed === undefined) cursor.at -= 1;
      if (computed === undefined)
        pieces.push({ kind: 'output', script: this.#inside.readScript(cursor), file: false, quoted });
      else pieces.push({ kind: 'variable', name: '', plain: false, quoted }, { kind: 'list', words: [computed] });
    } else if (cursor.skip('$(')) {
      pieces.push({ kind: 'output', script: this.#inside.readScript(cursor), file: false, quoted });
    } else if (cursor.skip('${')) {
      this.#braced(pieces, quoted);
    } else {
      const name = cursor.match(/\$([A-Za-z_]\w*|[0-9@*#?$!-])/y)?.[1];
      if (name === undefined) {
        cursor.at += 1;
        pieces.push({ kind: 'text', text: '$', quoted });
      } else pieces.push({ kind: 'variable', name, plain: true, quoted });
    }
  }

  /** `${name…}`: what comes behind the name may contain everything again. */
  #braced(pieces: Piece[], quoted: boolean): void {
    const cursor = this.#cursor;
    const name = cursor.match(/[A-Za-z_]\w*/y)?.[0] ?? '';
    if (name !== '' && cursor.skip('}')) {
      pieces.push({ kind: 'variable', name, plain: true, quoted });
      return;
    }
    const rest: Piece[] = [];
    while (!cursor.skip('}')) {
      if (cursor.ended) throw new NotUnderstood('a brace is not closed');
      if (!quoted && /['"]/.test(cursor.peek())) this.#piece(rest);
      else if (/[\\$`]/.test(cursor.peek())) this.#quotedPiece(rest);
      else rest.push({ kind: 'text', text: cursor.match(/[^]/y)?.[0] ?? '', quoted: true });
    }
    pieces.push({ kind: 'variable', name, plain: false, quoted }, { kind: 'list', words: [{ pieces: rest }] });
  }

  #backquoted(): Script {
    const cursor = this.#cursor;
    const taken = cursor.match(/(?:[^`\\]|\\[^])*/y)?.[0] ?? '';
    if (!cursor.skip('`')) throw new NotUnderstood('a backquote is not closed');
    const inner = new TextCursor(`${taken.replaceAll(/\\([`$\\])/g, '$1')})`);
    const script = this.#inside.readScript(inner);
    if (!inner.ended) throw new NotUnderstood('a parenthesis has no beginning');
    return script;
  }

  #ansi(): string {
    const taken = this.#cursor.match(/(?:[^'\\]|\\[^])*/y)?.[0] ?? '';
    if (!this.#cursor.skip("'")) throw new NotUnderstood('a quotation mark is not closed');
    return taken.replaceAll(
      /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c([^])|([^]))/g,
      (_whole, hex?: string, short?: string, long?: string, octal?: string, control?: string, plain?: string) => {
        const code = hex ?? short ?? long;
        if (code !== undefined) return codePoint(Number.parseInt(code, 16));
        if (octal !== undefined) return codePoint(Number.parseInt(octal, 8) & 0xff);
        if (control !== undefined) return codePoint(control.charCodeAt(0) & 0x1f);
        return ANSI_ESCAPES[plain ?? ''] ?? plain ?? '';
      },
    );
  }

  /** `name=(`, or `name+=(`: an array. */
  #opensList(pieces: readonly Piece[]): boolean {
    const only = pieces[0];
    return pieces.length === 1 && only?.kind === 'text' && !only.quoted && /^\w+\+?=$/.test(only.text);
  }

  #list(): Piece {
    const cursor = this.#cursor;
    cursor.at += 1;
    const words: Word[] = [];
    for (;;) {
      cursor.skipBlanks();
      if (cursor.skip('\n')) continue;
      if (cursor.skip(')')) return { kind: 'list', words };
      const word = this.read();
      if (word === undefined) throw new NotUnderstood('a list is not closed');
      words.push(word);
    }
  }

  /** `(a|b)` of an extended pattern, with what is inside. */
  #pattern(): string {
    const cursor = this.#cursor;
    const start = cursor.at;
    let depth = 0;
    do {
      if (cursor.ended) throw new NotUnderstood('a parenthesis is not closed');
      if (/[$`'"\\]/.test(cursor.peek())) throw new NotUnderstood('a pattern with something inside that is expanded');
      depth += cursor.peek() === '(' ? 1 : cursor.peek() === ')' ? -1 : 0;
      cursor.at += 1;
    } while (depth > 0);
    return cursor.text.slice(start, cursor.at);
  }
}

function codePoint(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}
