/** The tool `glob`: files by their names. */
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
import type { Tool } from '../tool.ts';
import { mayHold, parseGlob } from './glob-pattern.ts';
import { MAX_OUTPUT, MAX_PATHS, SEARCH_MS } from './limits.ts';
import { Pace } from './pace.ts';
import { shownPath, type Places } from './places.ts';
import { prepareSearch, type SearchTicket } from './search-place.ts';
import { FILE_SPECS } from './specs.ts';
import { gapNotes, Walk } from './walk.ts';

const Arguments = z.strictObject({
  pattern: z.string().check(z.minLength(1)),
  path: z.optional(z.string()),
  all: z.optional(z.boolean()),
});

interface Wish {
  readonly pattern: string;
  readonly all: boolean;
}

export class GlobTool implements Tool {
  readonly spec = FILE_SPECS.glob;
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  async prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { pattern, path, all = false } = parseArguments('glob', Arguments, args);
    parseGlob(pattern);
    const wish: Wish = { pattern, all };
    const call = await prepareSearch(this.#places, place, { name: 'glob', what: `glob ${pattern}`, path, wish });
    const { isDirectory, shown } = call.ticket as SearchTicket<Wish>;
    if (!isDirectory) throw new ToolRefusal(`${shown} is a file; give the directory to search in`);
    return call;
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const { path, wish } = call.ticket as SearchTicket<Wish>;
    const glob = parseGlob(wish.pattern);
    const walk = new Walk({
      from: path,
      workspace: place.workspace,
      all: wish.all,
      sealed: await this.#places.sealedDirectories(),
      pace: new Pace(signal, SEARCH_MS),
      enters: (names) => mayHold(glob.begins, names),
    });
    const found: string[] = [];
    let bytes = 0;
    let more = false;
    for await (const file of walk.files()) {
      if (!glob.test(file.path)) continue;
      const shown = shownPath(place.workspace, join(path, ...file.path));
      bytes += Buffer.byteLength(shown) + 1;
      more = found.length === MAX_PATHS || bytes > MAX_OUTPUT;
      if (more) break;
      found.push(shown);
    }
    const notes = gapNotes(walk.gaps);
    if (more) notes.unshift(`there are more than these ${found.length}: make the pattern narrower`);
    if (found.length === 0) notes.unshift(`no file matches ${wish.pattern}`);
    return { output: [...found, ...notes.map((note) => `(${note})`)].join('\n'), isError: false };
  }
}
