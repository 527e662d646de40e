/** The tool `list`: what is in a directory. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
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
import { kindOf } from './file-kind.ts';
import { holdDirectory, type HeldDirectory } from './held-directory.ts';
import { isIgnored, levelsAbove, type Level } from './ignore-levels.ts';
import { MAX_PATHS, SEARCH_MS } from './limits.ts';
import { Pace } from './pace.ts';
import type { Places } from './places.ts';
import { prepareSearch, type SearchTicket } from './search-place.ts';
import { FILE_SPECS } from './specs.ts';
import { entriesOf, gapNotes, NO_GAPS, type WalkGaps } from './walk.ts';

const Arguments = z.strictObject({ path: z.optional(z.string()), all: z.optional(z.boolean()) });

export class ListTool implements Tool {
  readonly spec = FILE_SPECS.list;
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  async prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { path, all = false } = parseArguments('list', Arguments, args);
    const call = await prepareSearch(this.#places, place, { name: 'list', what: 'list', path, wish: all });
    const { isDirectory, shown } = call.ticket as SearchTicket<boolean>;
    if (!isDirectory) throw new ToolRefusal(`${shown} is a file; use read`);
    return { ...call, title: `list ${shown}` };
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const { path, wish: all } = call.ticket as SearchTicket<boolean>;
    const gaps: WalkGaps = { ...NO_GAPS };
    const held = await holdDirectory(path);
    try {
      const level = all ? undefined : levelsAbove(path, place.workspace);
      const entries = await entriesOf(held, new Pace(signal, SEARCH_MS), gaps);
      const shown = [...entries.keys()].filter((name) => isShown(level, name, entries.get(name) === 'directory', gaps));
      const lines = shown
        .sort()
        .slice(0, MAX_PATHS)
        .map((name) => describe(held, name));
      const notes = gapNotes(gaps);
      if (shown.length > MAX_PATHS) notes.unshift(`${shown.length - MAX_PATHS} more entries are not shown`);
      if (shown.length === 0)
        notes.unshift(gaps.ignored > 0 ? 'nothing but ignored entries' : 'the directory is empty');
      return { output: [...lines, ...notes.map((note) => `(${note})`)].join('\n'), isError: false };
    } finally {
      await held.close();
    }
  }
}

function isShown(level: Level | undefined, name: string, isDirectory: boolean, gaps: WalkGaps): boolean {
  if (level === undefined || !isIgnored(level, name, isDirectory)) return true;
  gaps.ignored += 1;
  return false;
}

/** A directory ends in a slash, a link says where it leads, a file how large it is. */
function describe(held: HeldDirectory, name: string): string {
  try {
    const stat: Stats = lstatSync(held.at(name));
    if (stat.isFile()) return `${name}  ${stat.size}`;
    if (stat.isDirectory()) return `${name}/`;
    if (stat.isSymbolicLink()) return `${name} -> ${readlinkSync(held.at(name))}`;
    return `${name}  (${kindOf(stat) ?? ''})`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return `${name}  (cannot be looked at)`;
  }
}
