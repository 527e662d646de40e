/** What a model writes to name files: path patterns with alternatives in braces. */
import { ToolRefusal } from '../../services/tool-port.ts';
import { pathTest, type PathTest } from '../../domain/ignoring/path-pattern.ts';

/** Patterns that the braces of one may stand for. */
const MAX_ALTERNATIVES = 64;
const MAX_PATTERN = 4_096;

export interface Glob {
  readonly test: PathTest;
  /** Names of directories that every match begins with. */
  readonly begins: readonly string[];
}

/**
 * A pattern without a slash is for names at any depth; with one, even at its beginning, it begins where the search does.
 * @throws ToolRefusal when it cannot match anything.
 */
export function parseGlob(pattern: string): Glob {
  if (pattern.length > MAX_PATTERN) throw new ToolRefusal(`the pattern is longer than ${MAX_PATTERN} characters`);
  const alternatives = expandBraces(pattern).map(anchored);
  const tests = alternatives.map((alternative) => pathTest(alternative, false));
  if (tests.includes(undefined)) throw new ToolRefusal(`the pattern ${pattern} has a bracket that is not closed`);
  const begins = alternatives.length === 1 ? plainBeginning(alternatives[0] ?? '') : [];
  return { test: (path) => tests.some((test) => test?.(path) === true), begins };
}

/** False for a directory in which nothing can match. */
export function mayHold(begins: readonly string[], path: readonly string[]): boolean {
  return path.every((name, index) => begins[index] === undefined || begins[index] === name);
}

function anchored(pattern: string): string {
  const plain = pattern.replace(/^(\.?\/)+/, '');
  if (plain === '' || plain.split('/').includes('..'))
    throw new ToolRefusal(
      `the pattern ${pattern} must name files below the directory that is searched; give that as path`,
    );
  return pattern.includes('/') ? plain : `**/${plain}`;
}

function plainBeginning(pattern: string): string[] {
  const names = pattern.split('/').slice(0, -1);
  const end = names.findIndex((name) => /[*?[\\]/.test(name));
  return end === -1 ? names : names.slice(0, end);
}

function expandBraces(pattern: string): string[] {
  let done: string[] = [];
  let open = [pattern];
  while (open.length > 0) {
    const next: string[] = [];
    for (const one of open) {
      const parts = innermost(one);
      if (parts === undefined) done = [...done, one];
      else next.push(...parts.between.map((text) => parts.before + text + parts.after));
    }
    if (done.length + next.length > MAX_ALTERNATIVES)
      throw new ToolRefusal(`the braces of ${pattern} stand for more than ${MAX_ALTERNATIVES} patterns`);
    open = next;
  }
  return done;
}

/** The first braces that hold no others, and what they choose between. */
function innermost(pattern: string) {
  const found = /(?<!\\)\{([^{}]*)(?<!\\)\}/.exec(pattern);
  if (found === null) return undefined;
  return {
    before: pattern.slice(0, found.index),
    between: (found[1] ?? '').split(','),
    after: pattern.slice(found.index + found[0].length),
  };
}
