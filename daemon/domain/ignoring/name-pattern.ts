/**
 * Patterns for one name: `*`, `?`, `[…]`, and a backslash before anything that is meant as it is.
 *
 * Matched with two positions and no recursion: the time is at most the product of both lengths, whatever the pattern.
 */

/** What one character of a name must be; `star` is any number of any. */
type Token = { readonly star: true } | { readonly star: false; readonly fits: (character: string) => boolean };

export type NameTest = (name: string) => boolean;

const POSIX: Readonly<Record<string, RegExp>> = {
  alnum: /[a-z0-9]/i,
  alpha: /[a-z]/i,
  blank: /[ \t]/,
  cntrl: /[^ -\x7e\x80-\u{10ffff}]/u,
  digit: /[0-9]/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9a-f]/i,
};

/**
 * @param ignoreCase for file systems that do not tell `A` from `a`.
 * @returns undefined for a pattern that matches nothing: a bracket that is not closed, a backslash at the end.
 */
export function nameTest(pattern: string, ignoreCase: boolean): NameTest | undefined {
  if (!/[*?[\\]/.test(pattern)) return literalTest(pattern, ignoreCase);
  const tokens = tokensOf(pattern, ignoreCase);
  if (tokens === undefined) return undefined;
  const suffix = /^\*[^*?[\\]+$/.test(pattern) && !ignoreCase ? pattern.slice(1) : undefined;
  return suffix === undefined ? (name) => fits(tokens, Array.from(name)) : (name) => name.endsWith(suffix);
}

function literalTest(pattern: string, ignoreCase: boolean): NameTest {
  if (!ignoreCase) return (name) => name === pattern;
  const lower = pattern.toLowerCase();
  return (name) => name.toLowerCase() === lower;
}

function tokensOf(pattern: string, ignoreCase: boolean): Token[] | undefined {
  const characters = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (tokens.at(-1)?.star !== true) tokens.push({ star: true });
    } else if (character === '?') {
      tokens.push({ star: false, fits: () => true });
    } else if (character === '[') {
      const bracket = bracketAt(characters, at);
      if (bracket === undefined) return undefined;
      tokens.push({ star: false, fits: eitherCase(bracket.fits, ignoreCase) });
      at = bracket.end;
    } else {
      if (character === '\\') at += 1;
      const meant = characters[at];
      if (meant === undefined) return undefined;
      tokens.push({ star: false, fits: eitherCase((other) => other === meant, ignoreCase) });
    }
  }
  return tokens;
}

function eitherCase(test: (character: string) => boolean, ignoreCase: boolean): (character: string) => boolean {
  if (!ignoreCase) return test;
  return (character) => test(character) || test(character.toLowerCase()) || test(character.toUpperCase());
}

interface Bracket {
  readonly fits: (character: string) => boolean;
  /** Index of the closing bracket. */
  readonly end: number;
}

/** @param start index of the opening bracket. @returns undefined when it is not closed. */
function bracketAt(characters: readonly string[], start: number): Bracket | undefined {
  let at = start + 1;
  const negated = characters[at] === '!' || characters[at] === '^';
  if (negated) at += 1;
  const tests: ((character: string) => boolean)[] = [];
  for (let first = true; ; first = false) {
    const character = characters[at];
    if (character === undefined) return undefined;
    if (character === ']' && !first) break;
    const member = memberAt(characters, at);
    if (member === undefined) return undefined;
    tests.push(member.fits);
    at = member.next;
  }
  return { fits: (character) => character !== '/' && tests.some((test) => test(character)) !== negated, end: at };
}

/** One character, a range or a named class within brackets. */
function memberAt(characters: readonly string[], at: number) {
  const named = characters[at] === '[' && characters[at + 1] === ':' ? classAt(characters, at) : undefined;
  if (named !== undefined) return named;
  const from = literalAt(characters, at);
  if (from === undefined) return undefined;
  const isRange = characters[from.next] === '-' && characters[from.next + 1] !== ']';
  const to = isRange ? literalAt(characters, from.next + 1) : undefined;
  const low = from.character;
  const high = to?.character ?? low;
  return { fits: (other: string) => other >= low && other <= high, next: to?.next ?? from.next };
}

function classAt(characters: readonly string[], start: number) {
  const end = characters.indexOf(':', start + 2);
  if (end === -1 || characters[end + 1] !== ']') return undefined;
  const test = POSIX[characters.slice(start + 2, end).join('')];
  return test === undefined ? undefined : { fits: (other: string) => test.test(other), next: end + 2 };
}

function literalAt(characters: readonly string[], at: number) {
  const escaped = characters[at] === '\\';
  const character = characters[escaped ? at + 1 : at];
  return character === undefined ? undefined : { character, next: at + (escaped ? 2 : 1) };
}

function fits(tokens: readonly Token[], name: readonly string[]): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted?.star === true) {
      star = token;
      starAt = at;
      token += 1;
    } else if (wanted?.fits(name[at] ?? '') === true) {
      token += 1;
      at += 1;
    } else if (star !== -1) {
      token = star + 1;
      starAt += 1;
      at = starAt;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest.star);
}

/** Cuts a pattern at its slashes; one in brackets or after a backslash is no cut. */
export function piecesOfPattern(pattern: string): string[] {
  const characters = Array.from(pattern);
  const pieces: string[] = [];
  let piece = '';
  for (let at = 0; at < characters.length; at += 1) {
    const bracket = characters[at] === '[' ? bracketAt(characters, at) : undefined;
    const length = bracket !== undefined ? bracket.end - at + 1 : characters[at] === '\\' ? 2 : 1;
    if (length === 1 && characters[at] === '/') {
      pieces.push(piece);
      piece = '';
    } else {
      piece += characters.slice(at, at + length).join('');
      at += length - 1;
    }
  }
  return [...pieces, piece];
}
