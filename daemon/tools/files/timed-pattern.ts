/**
 * A regular expression on text from anywhere, in a time that really ends.
 *
 * The engine goes back and forth, and some patterns would keep it busy for years on one line. It runs under the time limit
 * of a script (`node:vm`), which ends the search of one stretch of text in the middle and leaves the thread as it was.
 */
import { createContext, Script, type Context } from 'node:vm';
import { ToolRefusal } from '../../services/tool-port.ts';
import { MAX_TRIED_LINE, PATTERN_MS } from './limits.ts';

/** A stretch of a file, from the beginning of a line to the end of one. */
export interface Stretch {
  readonly text: string;
  /** Number of its first line. */
  readonly firstLine: number;
  /** The file, as it is shown. */
  readonly shown: string;
}

/** Where in a stretch a line begins and ends that matches. */
export interface Hit {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

export interface PatternWish {
  readonly pattern: string;
  readonly literal: boolean;
  readonly ignoreCase: boolean;
}

const SEARCH = new Script('search()');

export class TimedPattern {
  readonly #expression: RegExp;
  /** Set when the pattern means only itself: then it is looked for without trying every line. */
  readonly #plain: string | undefined;
  readonly #context: Context & { search?: () => void } = createContext({});

  /** @throws ToolRefusal when it is not a regular expression. */
  constructor({ pattern, literal, ignoreCase }: PatternWish) {
    if (pattern.includes('\n'))
      throw new ToolRefusal('grep looks at one line at a time: the pattern cannot hold a line end');
    this.#plain = !ignoreCase && (literal || !/[\\^$.*+?()[\]{}|]/.test(pattern)) ? pattern : undefined;
    // Other engines say it in the pattern.
    const insensitive = !literal && pattern.startsWith('(?i)');
    const source = literal
      ? pattern.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
      : pattern.slice(insensitive ? 4 : 0);
    try {
      this.#expression = new RegExp(source, ignoreCase || insensitive ? 'i' : '');
    } catch (error) {
      const reason = error instanceof Error ? error.message : '';
      throw new ToolRefusal(`grep cannot use this pattern: ${reason}`, { cause: error });
    }
  }

  /**
   * Goes through stretches in order.
   * @param take told the hits of one stretch after another, and undefined for one that took too long.
   * @param most hits of one stretch after which it goes on to the next.
   */
  search(stretches: readonly Stretch[], most: number, take: (stretch: Stretch, hits: Hit[] | undefined) => void): void {
    for (let next = 0; next < stretches.length;) {
      const done: { stretch: Stretch; hits: Hit[] }[] = [];
      const began = performance.now();
      const inTime = this.#inTime(() => {
        for (let stretch = stretches[next]; stretch !== undefined; stretch = stretches[next]) {
          const hits: Hit[] = [];
          if (this.#plain === undefined) tryLines(this.#expression, stretch, most, hits);
          else findPlain(this.#plain, stretch, most, hits);
          if (hits.length > 0) done.push({ stretch, hits });
          next += 1;
          // What is slow because there is much of it must not be taken for slow by itself.
          if (performance.now() - began > PATTERN_MS / 5) return;
        }
      });
      for (const { stretch, hits } of done) take(stretch, hits);
      const slow = stretches[next];
      if (inTime || slow === undefined) continue;
      take(slow, undefined);
      next += 1;
    }
  }

  /** @returns false when the time was over. */
  #inTime(search: () => void): boolean {
    this.#context.search = search;
    try {
      SEARCH.runInContext(this.#context, { timeout: PATTERN_MS });
      return true;
    } catch (error) {
      if (isTooMuch(error)) return false;
      throw error;
    }
  }
}

/** Out of time, or of the room that the engine has for its way back. The former is an error of the context, not of ours. */
function isTooMuch(error: unknown): boolean {
  if (error instanceof RangeError) return true;
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

function findPlain(what: string, { text, firstLine }: Stretch, most: number, hits: Hit[]): void {
  let line = firstLine;
  let counted = 0;
  for (let at = text.indexOf(what); at !== -1 && hits.length < most;) {
    const from = text.lastIndexOf('\n', at - 1) + 1;
    const end = text.indexOf('\n', at);
    const to = end === -1 ? text.length : end;
    for (let next = text.indexOf('\n', counted); next !== -1 && next < from; next = text.indexOf('\n', counted)) {
      line += 1;
      counted = next + 1;
    }
    hits.push({ line, from, to });
    at = end === -1 ? -1 : text.indexOf(what, end);
  }
}

function tryLines(expression: RegExp, { text, firstLine }: Stretch, most: number, hits: Hit[]): void {
  let line = firstLine;
  for (let from = 0; from < text.length && hits.length < most; line += 1) {
    const end = text.indexOf('\n', from);
    const to = end === -1 ? text.length : end;
    const last = text.charCodeAt(to - 1) === 13 ? to - 1 : to;
    if (expression.test(text.slice(from, Math.min(last, from + MAX_TRIED_LINE)))) hits.push({ line, from, to });
    from = to + 1;
  }
}
