/** What the words of a command stand for, as far as the text itself tells: quotes removed, known variables filled in. */
import type { Piece, Word } from './syntax.ts';

/** Stands for the home folder, whose path the text does not tell. */
export const HOME = '\ue000';

/** More values than this are as good as unknown. */
export const MAX_VALUES = 64;

/** One argument as a command gets it. */
export interface Argument {
  /** What is known of it: all, when `known`, else the parts that are written out. */
  readonly text: string;
  readonly known: boolean;
  /** The shell replaces it by the names of files that match. */
  readonly pattern: boolean;
  /** Not known, and it may become several arguments, or options. */
  readonly splits: boolean;
  /** It is, or contains, what other commands say. */
  readonly said: boolean;
}

/** What variables were seen to be set to. Undefined: something that the text does not tell. */
export type Variables = Map<string, readonly string[] | undefined>;

interface Part {
  readonly texts: readonly string[];
  readonly known: boolean;
  readonly pattern: boolean;
  readonly splits: boolean;
  readonly said: boolean;
}

export function argument(text: string): Argument {
  return { text, known: true, pattern: false, splits: false, said: false };
}

/** Everything that a word may become. */
export function valuesOf(word: Word, variables: Variables): Argument[] {
  const only = word.pieces.length === 1 ? word.pieces[0] : undefined;
  if (only?.kind === 'variable' && !only.quoted && only.plain) {
    const values = variables.get(only.name);
    if (values !== undefined) return values.flatMap((value) => value.split(/\s+/).filter(Boolean).map(argument));
  }
  const parts = word.pieces.map((piece, index) => partOf(piece, index === 0, variables));
  let texts = [''];
  for (const part of parts)
    texts = texts.flatMap((start) => part.texts.map((end) => start + end)).slice(0, MAX_VALUES + 1);
  const tooMany = texts.length > MAX_VALUES;
  return (tooMany ? [''] : texts).map((text) => ({
    text,
    known: !tooMany && parts.every((part) => part.known) && !hasBrokenBraces(word),
    pattern: parts.some((part) => part.pattern),
    splits: parts.some((part) => part.splits),
    said: parts.some((part) => part.said),
  }));
}

/** The text of a word when it is known, and one: what is assigned, or handed to another shell. */
export function textOf(word: Word, variables: Variables): string | undefined {
  const values = valuesOf(word, variables);
  const [first] = values;
  if (values.length === 0) return '';
  return values.length === 1 && first?.known === true ? first.text : undefined;
}

/** Splits `NAME=value`. @returns undefined for a word that assigns nothing. */
export function assignmentOf(word: Word): { name: string; value: Word; adds: boolean } | undefined {
  const [first, ...rest] = word.pieces;
  if (first?.kind !== 'text' || first.quoted) return undefined;
  const found = /^([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=([^]*)$/.exec(first.text);
  if (found === null) return undefined;
  const value: Word = { pieces: [{ kind: 'text', text: found[3] ?? '', quoted: false }, ...rest] };
  return { name: found[1] ?? '', value, adds: found[2] === '+' };
}

function partOf(piece: Piece, first: boolean, variables: Variables): Part {
  const plain = { known: true, pattern: false, splits: false, said: false };
  switch (piece.kind) {
    case 'text': {
      if (piece.quoted) return { ...plain, texts: [piece.text] };
      const texts = withoutBraces(first ? tilde(piece.text) : piece.text);
      return { ...plain, texts, pattern: /[*?[]/.test(piece.text) && piece.text !== '[' };
    }
    case 'variable': {
      const values = piece.plain ? variables.get(piece.name) : undefined;
      if (values === undefined || values.length === 0)
        return { ...plain, texts: [''], known: false, splits: !piece.quoted };
      return { ...plain, texts: values, splits: !piece.quoted && values.some((value) => /\s/.test(value)) };
    }
    case 'output':
      // A file that stands for what commands say is a place like any other; what it says is not known.
      if (piece.file) return { ...plain, texts: ['/dev/fd/63'], said: true };
      if (isWorkingFolder(piece)) return { ...plain, texts: variables.get('PWD') ?? [''], known: variables.has('PWD') };
      return { ...plain, texts: [''], known: false, splits: !piece.quoted, said: true };
    case 'list':
      return { ...plain, texts: [''], known: false };
  }
}

function isWorkingFolder(piece: Piece & { kind: 'output' }): boolean {
  const node = piece.script.pipelines.length === 1 ? piece.script.pipelines[0]?.nodes[0] : undefined;
  return node?.kind === 'simple' && node.source === 'pwd';
}

function tilde(text: string): string {
  const found = /^~([^/]*)/.exec(text);
  if (found === null) return text;
  const rest = text.slice(found[0].length);
  return found[1] === '' ? HOME + rest : `/home/${found[1]}${rest}`;
}

/** `a{b,c}d` is `abd` and `acd`. */
function withoutBraces(text: string): string[] {
  let texts = [text];
  for (let round = 0; round < 8 && texts.length <= MAX_VALUES; round += 1) {
    const next = texts.flatMap((one) => {
      const found = /\{([^{},]*(?:,[^{},]*)+)\}/.exec(one);
      if (found === null) return [one];
      const end = one.slice(found.index + found[0].length);
      return (found[1] ?? '').split(',').map((choice) => one.slice(0, found.index) + choice + end);
    });
    if (next.length === texts.length) break;
    texts = next;
  }
  return texts;
}

/** Braces with something quoted or expanded between them: what they become is not worked out here. */
function hasBrokenBraces({ pieces }: Word): boolean {
  if (pieces.length < 2) return false;
  const bare = pieces.map((piece) => (piece.kind === 'text' && !piece.quoted ? piece.text : '\0')).join('');
  return /\{[^{}]*\0[^{}]*,[^{}]*\}|\{[^{}]*,[^{}]*\0[^{}]*\}/.test(bare);
}
