/** The tool `grep`: lines of files that match a pattern. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import {
  ToolRefusal,
  type PreparedCall,
  type ToolOutcome,
  type ToolPlace,
  type ToolSink,
} from '../../services/tool-port.ts';
import { parseArguments } from '../arguments.ts';
import { systemCode } from '../failure-text.ts';
import type { Tool } from '../tool.ts';
import { FileStretches } from './file-stretches.ts';
import { parseGlob } from './glob-pattern.ts';
import { GrepAnswer } from './grep-answer.ts';
import { MAX_MATCHES, MAX_SEARCHED, SEARCH_MS } from './limits.ts';
import { Pace } from './pace.ts';
import { shownPath, type Places } from './places.ts';
import { withPlainFile } from './plain-file.ts';
import { prepareSearch, type SearchTicket } from './search-place.ts';
import { FILE_SPECS } from './specs.ts';
import { TimedPattern, type Stretch } from './timed-pattern.ts';
import { gapNotes, NO_GAPS, Walk, type Found } from './walk.ts';

const Arguments = z.strictObject({
  pattern: z.string().check(z.minLength(1), z.maxLength(10_000)),
  path: z.optional(z.string()),
  glob: z.optional(z.string().check(z.minLength(1))),
  literal: z.optional(z.boolean()),
  ignoreCase: z.optional(z.boolean()),
  context: z.optional(z.int().check(z.gte(0), z.lte(10))),
  filesOnly: z.optional(z.boolean()),
  all: z.optional(z.boolean()),
});

interface Wish {
  readonly pattern: string;
  readonly glob: string | undefined;
  readonly literal: boolean;
  readonly ignoreCase: boolean;
  readonly context: number;
  readonly filesOnly: boolean;
  readonly all: boolean;
}

/** Text and stretches that are looked through under one time limit. */
const BATCH_CHARACTERS = 256 * 1024;
const BATCH_STRETCHES = 500;
/** Files that may take too long before the pattern is to blame. */
const MAX_SLOW = 3;

export class GrepTool implements Tool {
  readonly spec = FILE_SPECS.grep;
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  async prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { path, ...given } = parseArguments('grep', Arguments, args);
    const wish: Wish = {
      pattern: given.pattern,
      glob: given.glob,
      literal: given.literal ?? false,
      ignoreCase: given.ignoreCase ?? false,
      context: given.context ?? 0,
      filesOnly: given.filesOnly ?? false,
      all: given.all ?? false,
    };
    // What cannot be understood is said now.
    void new TimedPattern(wish);
    if (wish.glob !== undefined) parseGlob(wish.glob);
    return prepareSearch(this.#places, place, { name: 'grep', what: `grep ${wish.pattern}`, path, wish });
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const ticket = call.ticket as SearchTicket<Wish>;
    const search = new Search(ticket.wish, new Pace(signal, SEARCH_MS));
    if (!ticket.isDirectory) {
      await withPlainFile(ticket.path, ticket.shown, ({ handle, stat }) =>
        search.through(handle.fd, Number(stat.size), ticket.shown),
      );
      return search.answer();
    }
    const glob = ticket.wish.glob === undefined ? undefined : parseGlob(ticket.wish.glob);
    const walk = new Walk({
      from: ticket.path,
      workspace: place.workspace,
      all: ticket.wish.all,
      sealed: await this.#places.sealedDirectories(),
      pace: search.pace,
    });
    for await (const found of walk.files()) {
      if (glob?.test(found.path) === false) continue;
      await search.throughFound(found, shownPath(place.workspace, join(ticket.path, ...found.path)));
      if (search.over) break;
    }
    return search.answer(walk.gaps);
  }
}

class Search {
  readonly pace: Pace;
  readonly #wish: Wish;
  readonly #pattern: TimedPattern;
  readonly #answer: GrepAnswer;
  readonly #stretches = new FileStretches();
  readonly #slow: string[] = [];
  #batch: Stretch[] = [];
  #batched = 0;
  #binary = 0;
  #large = 0;
  #unreadable = 0;
  #outOfTime = false;

  constructor(wish: Wish, pace: Pace) {
    this.pace = pace;
    this.#wish = wish;
    this.#pattern = new TimedPattern(wish);
    this.#answer = new GrepAnswer(wish.context, wish.filesOnly);
  }

  /** True when nothing further is wanted. */
  get over(): boolean {
    return this.#answer.full || this.#outOfTime;
  }

  async throughFound({ name, directory }: Found, shown: string): Promise<void> {
    let file: number;
    try {
      file = openSync(directory.at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      this.#unreadable += 1;
      return;
    }
    try {
      const stat = fstatSync(file);
      if (stat.isFile() && stat.size > MAX_SEARCHED) this.#large += 1;
      else if (stat.isFile()) await this.through(file, stat.size, shown);
    } finally {
      closeSync(file);
    }
  }

  async through(file: number, size: number, shown: string): Promise<void> {
    const stretches = this.#stretches.of(file, size, shown);
    for (let next = stretches.next(); ; next = stretches.next()) {
      if (next.done === true) {
        if (!next.value) this.#binary += 1;
        return;
      }
      this.#batch.push(next.value);
      this.#batched += next.value.text.length;
      if (this.#batched > BATCH_CHARACTERS || this.#batch.length === BATCH_STRETCHES) await this.#flush();
      if (this.over) return;
    }
  }

  async answer(gaps = NO_GAPS): Promise<ToolOutcome> {
    await this.#flush();
    const { lines, full, matches } = this.#answer;
    const notes = [...this.#notes(), ...gapNotes({ ...gaps, outOfTime: gaps.outOfTime || this.#outOfTime })];
    if (full) notes.unshift(`there are more than these ${matches} matches: make the pattern narrower, or name a path`);
    if (matches === 0) notes.unshift(`nothing matches ${this.#wish.pattern}`);
    return { output: [...lines, ...notes.map((note) => `(${note})`)].join('\n'), isError: false };
  }

  #notes(): string[] {
    return [
      ...this.#slow.map((shown) => `the pattern takes too long on ${shown}, of which a part was left out`),
      ...(this.#binary > 0 ? [`${this.#binary} binary files were left out`] : []),
      ...(this.#large > 0
        ? [`${this.#large} files larger than ${MAX_SEARCHED} bytes were left out; name one to search it`]
        : []),
      ...(this.#unreadable > 0 ? [`${this.#unreadable} files could not be read`] : []),
    ];
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batched = 0;
    this.#pattern.search(batch, MAX_MATCHES + 1, (stretch, hits) => {
      if (hits === undefined) this.#slow.push(stretch.shown);
      else this.#answer.add(stretch, hits);
    });
    if (this.#slow.length >= MAX_SLOW)
      throw new ToolRefusal(
        `the pattern takes too long, on ${this.#slow.join(', ')} for example: make it simpler, without a repetition within a repetition`,
      );
    await this.pace.rest();
    this.#outOfTime = this.pace.over;
  }
}
