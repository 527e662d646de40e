/** Reads shell text as commands: what would be run, in which order, and what it is given. */
import {
  NO_SCRIPT,
  NotUnderstood,
  type Compound,
  type Node,
  type Pipeline,
  type Redirection,
  type Script,
  type SimpleCommand,
  type Word,
} from './syntax.ts';
import { Limits } from './limits.ts';
import { RedirectionReader } from './redirection-reader.ts';
import { TextCursor } from './text-cursor.ts';
import { WordReader } from './word-reader.ts';

const RESERVED =
  /(?:if|then|else|elif|fi|while|until|for|select|do|done|case|esac|function|\{|\}|!|\[\[)(?=[\s;&|()<>]|$)/y;
const ENDS_SCRIPT = ['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}'];
const CONTINUES = ['then', 'else', 'elif', 'do'];
/** Reads a whole text. @throws NotUnderstood when it is no complete shell text. */
export function readScript(text: string): Script {
  if (text.includes('\0')) throw new NotUnderstood('it contains a NUL character');
  const reader = new ScriptReader(new TextCursor(text), new Limits());
  return reader.whole();
}

class ScriptReader {
  readonly #cursor: TextCursor;
  readonly #words: WordReader;
  readonly #redirections: RedirectionReader;
  readonly #limits: Limits;

  constructor(cursor: TextCursor, limits: Limits) {
    this.#cursor = cursor;
    this.#limits = limits;
    this.#words = this.#wordsOf(cursor);
    this.#redirections = new RedirectionReader(cursor, (inner) =>
      inner === cursor ? this.#words : this.#wordsOf(inner),
    );
  }

  whole(): Script {
    const script = this.#script();
    if (!this.#cursor.ended) throw new NotUnderstood(`an unexpected ${this.#cursor.peek()}`);
    return script;
  }

  inParentheses(): Script {
    const script = this.#script();
    if (!this.#cursor.skip(')')) throw new NotUnderstood('a parenthesis is not closed');
    return script;
  }

  #wordsOf(cursor: TextCursor): WordReader {
    return new WordReader(cursor, {
      limits: this.#limits,
      readScript: (inner) => new ScriptReader(inner, this.#limits).inParentheses(),
    });
  }

  /** Up to a word that ends it, a closing parenthesis, `;;` or the end of the text, none of which is taken. */
  #script(): Script {
    const cursor = this.#cursor;
    const pipelines: Pipeline[] = [];
    for (;;) {
      this.#skipSeparators();
      if (cursor.ended || cursor.peek() === ')' || /;[;&]/.test(cursor.peek() + cursor.peek(1))) break;
      if (ENDS_SCRIPT.includes(this.#reserved() ?? '')) break;
      pipelines.push(this.#pipeline());
    }
    return { pipelines };
  }

  #skipSeparators(): void {
    const cursor = this.#cursor;
    for (;;) {
      cursor.skipBlanks();
      if (cursor.peek() === '\n') this.#redirections.newLine();
      else if (cursor.peek() === ';' && !/[;&]/.test(cursor.peek(1))) cursor.at += 1;
      else return;
    }
  }

  #pipeline(): Pipeline {
    const cursor = this.#cursor;
    const nodes: Node[] = [];
    while (this.#takeReserved('!')) cursor.skipBlanks();
    for (;;) {
      nodes.push(this.#node());
      cursor.skipBlanks();
      if (cursor.sees('||') || !cursor.skip('|')) break;
      cursor.skip('&');
      this.#skipNewLines();
    }
    if (cursor.skip('&&') || cursor.skip('||')) this.#skipNewLines();
    else if (cursor.sees(';;') || cursor.sees(';&')) return { nodes, background: false };
    else if (cursor.skip('&')) return { nodes, background: true };
    return { nodes, background: false };
  }

  #skipNewLines(): void {
    for (this.#cursor.skipBlanks(); this.#cursor.peek() === '\n'; this.#cursor.skipBlanks())
      this.#redirections.newLine();
  }

  #reserved(): string | undefined {
    const { at } = this.#cursor;
    const found = this.#cursor.match(RESERVED)?.[0];
    this.#cursor.at = at;
    return found;
  }

  #takeReserved(word: string): boolean {
    return this.#reserved() === word && this.#cursor.skip(word);
  }

  #node(): Node {
    return this.#limits.inside(() => {
      const cursor = this.#cursor;
      if (cursor.skip('((')) {
        const computed = this.#words.arithmetic();
        if (computed !== undefined) return this.#compound(NO_SCRIPT, false, [computed]);
        cursor.at -= 2;
      }
      if (cursor.skip('(')) return this.#compound(this.inParentheses(), true);
      const reserved = this.#reserved();
      if (reserved === undefined) return this.#simple();
      cursor.at += reserved.length;
      return this.#keyword(reserved);
    });
  }

  #keyword(reserved: string): Node {
    switch (reserved) {
      case '{':
        return this.#compound(this.#closedBy('}'), false);
      case 'if':
        return this.#compound(this.#closedBy('fi'), false);
      case 'while':
      case 'until':
        return this.#compound(this.#closedBy('done'), false);
      case 'for':
      case 'select':
        return this.#for();
      case 'case':
        return this.#case();
      case '[[':
        return this.#test();
      case 'function':
        return this.#function();
      default:
        throw new NotUnderstood(`an unexpected ${reserved}`);
    }
  }

  #compound(body: Script, subshell: boolean, words: readonly Word[] = [], variable?: string): Compound {
    const redirections: Redirection[] = [];
    for (;;) {
      this.#cursor.skipBlanks();
      if (!this.#redirections.read(redirections)) break;
    }
    return { kind: 'compound', subshell, body, words, redirections, ...(variable === undefined ? {} : { variable }) };
  }

  /** Everything up to the word that closes, whatever words part it. */
  #closedBy(end: string): Script {
    const pipelines: Pipeline[] = [];
    for (;;) {
      pipelines.push(...this.#script().pipelines);
      if (this.#takeReserved(end)) return { pipelines };
      const next = this.#reserved();
      if (next === undefined || !CONTINUES.includes(next)) throw new NotUnderstood(`${end} is missing`);
      this.#cursor.at += next.length;
    }
  }

  #for(): Node {
    const cursor = this.#cursor;
    cursor.skipBlanks();
    if (cursor.skip('((')) {
      const computed = this.#words.arithmetic();
      if (computed === undefined) throw new NotUnderstood('a parenthesis is not closed');
      return this.#compound(this.#loopBody(), false, [computed]);
    }
    const variable = cursor.match(/\w+/y)?.[0];
    if (variable === undefined) throw new NotUnderstood('a loop without a variable');
    this.#skipNewLines();
    const words = cursor.match(/in(?=[\s;])/y) === undefined ? [] : this.#wordList();
    return this.#compound(this.#loopBody(), false, words, variable);
  }

  #loopBody(): Script {
    this.#skipSeparators();
    if (this.#takeReserved('do')) return this.#closedBy('done');
    if (this.#takeReserved('{')) return this.#closedBy('}');
    throw new NotUnderstood('do is missing');
  }

  #wordList(): Word[] {
    const words: Word[] = [];
    for (;;) {
      this.#cursor.skipBlanks();
      const word = this.#words.read();
      if (word === undefined) return words;
      words.push(word);
    }
  }

  #case(): Node {
    const cursor = this.#cursor;
    cursor.skipBlanks();
    const subject = this.#words.read();
    this.#skipNewLines();
    if (subject === undefined || cursor.match(/in(?=\s)/y) === undefined) throw new NotUnderstood('in is missing');
    const words = [subject];
    const pipelines: Pipeline[] = [];
    for (;;) {
      this.#skipSeparators();
      if (this.#takeReserved('esac')) return this.#compound({ pipelines }, false, words);
      cursor.skip('(');
      do words.push(...this.#wordList());
      while (cursor.skip('|'));
      if (!cursor.skip(')')) throw new NotUnderstood('a pattern of case is not closed');
      pipelines.push(...this.#script().pipelines);
      if (cursor.match(/;;&|;;|;&/y) === undefined && this.#reserved() !== 'esac')
        throw new NotUnderstood('esac is missing');
    }
  }

  /** `[[ … ]]`: it compares; only what is expanded inside matters. */
  #test(): Node {
    const cursor = this.#cursor;
    const words: Word[] = [];
    for (;;) {
      cursor.skipBlanks();
      if (cursor.match(/\]\](?=[\s;&|()]|$)/y) !== undefined) return this.#compound(NO_SCRIPT, false, words);
      const word = this.#words.read();
      if (word !== undefined) words.push(word);
      else if (cursor.ended) throw new NotUnderstood(']] is missing');
      else cursor.at += 1;
    }
  }

  #function(): Node {
    this.#cursor.skipBlanks();
    const functionName = this.#cursor.match(/[^\s;&|()<>{}]+/y)?.[0] ?? '';
    this.#cursor.skipBlanks();
    this.#cursor.match(/\(\s*\)/y);
    this.#skipNewLines();
    return { kind: 'function', functionName, body: this.#node() };
  }

  #simple(): Node {
    const cursor = this.#cursor;
    const start = cursor.at;
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      cursor.skipBlanks();
      if (this.#redirections.read(redirections)) continue;
      if (words.length === 1 && cursor.match(/\(\s*\)/y) !== undefined) {
        this.#skipNewLines();
        return {
          kind: 'function',
          functionName: cursor.text.slice(start).match(/^[^\s(]*/)?.[0] ?? '',
          body: this.#node(),
        };
      }
      const word = this.#words.read();
      if (word === undefined) break;
      words.push(word);
    }
    if (words.length === 0 && redirections.length === 0)
      throw new NotUnderstood(cursor.ended ? 'a command is missing' : `an unexpected ${cursor.peek()}`);
    const simple: SimpleCommand = {
      kind: 'simple',
      words,
      redirections,
      source: cursor.text.slice(start, cursor.at).trim(),
    };
    return simple;
  }
}
