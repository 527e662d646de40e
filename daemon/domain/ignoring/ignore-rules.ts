/**
 * The rules of one ignore file, as git understands them.
 *
 * Text and paths are strings of characters, or both of one character a byte: whoever asks carries them alike. Git compares
 * bytes, so a `?` fits one byte there.
 */
import { nameTest } from './name-pattern.ts';
import { pathTest } from './path-pattern.ts';

/** Rules of one file that count; a file with more is not written by hand. */
const MAX_RULES = 10_000;
/** As a character, and as the three bytes of it. */
const BYTE_ORDER_MARK = /^(?:\ufeff|\xef\xbb\xbf)/;

interface Rule {
  readonly negated: boolean;
  readonly directoriesOnly: boolean;
  readonly test: (path: readonly string[]) => boolean;
}

/** In the order of the file; the last one that fits decides. */
export type Rules = readonly Rule[];

/** @param ignoreCase for those who want `A` to be `a`. */
export function parseRules(text: string, ignoreCase: boolean): Rules {
  const rules: Rule[] = [];
  for (const line of text.replace(BYTE_ORDER_MARK, '').split('\n')) {
    const rule = parseLine(line, ignoreCase);
    if (rule !== undefined) rules.push(rule);
    if (rules.length === MAX_RULES) break;
  }
  return rules;
}

/**
 * @param path relative to the directory that the rules are for.
 * @returns undefined when no rule says anything of it.
 */
export function verdictOf(rules: Rules, path: readonly string[], isDirectory: boolean): 'ignored' | 'kept' | undefined {
  for (let index = rules.length - 1; index >= 0; index -= 1) {
    const rule = rules[index];
    if (rule === undefined || (rule.directoriesOnly && !isDirectory) || !rule.test(path)) continue;
    return rule.negated ? 'kept' : 'ignored';
  }
  return undefined;
}

function parseLine(line: string, ignoreCase: boolean): Rule | undefined {
  let pattern = withoutTrailingSpaces(line.replace(/\r$/, ''));
  if (pattern.startsWith('#')) return undefined;
  const negated = pattern.startsWith('!');
  if (negated) pattern = pattern.slice(1);
  const directoriesOnly = pattern.endsWith('/');
  if (directoriesOnly) pattern = pattern.slice(0, -1);
  if (pattern === '') return undefined;
  const test = testOf(pattern, ignoreCase);
  return test === undefined ? undefined : { negated, directoriesOnly, test };
}

/** A pattern without a slash is for names at any depth; any other begins at the directory of the file. */
function testOf(pattern: string, ignoreCase: boolean): Rule['test'] | undefined {
  if (pattern.includes('/')) return pathTest(pattern.startsWith('/') ? pattern.slice(1) : pattern, ignoreCase);
  const test = nameTest(pattern, ignoreCase);
  return test === undefined ? undefined : (path) => test(path.at(-1) ?? '');
}

/** Spaces at the end count only after a backslash. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ' ' && !isEscaped(line, end - 1)) end -= 1;
  return line.slice(0, end);
}

function isEscaped(line: string, at: number): boolean {
  let backslashes = 0;
  while (line[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}
