/** The tool `edit`: replaces text in a file. */
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
import { contentOf } from './content-kind.ts';
import { mustBeFile } from './file-kind.ts';
import { HEAD, MAX_EDIT } from './limits.ts';
import type { Places } from './places.ts';
import { hashOf, identityOf, withPlainFile, readWhole } from './plain-file.ts';
import { replaceFile } from './replace-file.ts';
import type { SeenFiles } from './seen-files.ts';
import { FILE_SPECS } from './specs.ts';
import { substitute, type Substitution } from './substitution.ts';
import { unifiedDiff } from './unified-diff.ts';

/** Characters of a diff that the model is told; of a longer one it knows that it was done. */
const MAX_TOLD_DIFF = 8 * 1024;

const Arguments = z.strictObject({
  path: z.string(),
  old: z.string().check(z.minLength(1)),
  new: z.string(),
  all: z.optional(z.boolean()),
});

interface Ticket extends Substitution {
  readonly path: string;
  readonly shown: string;
  /** SHA-256 of what is there, and of what will be. */
  readonly before: string;
  readonly after: string;
}

export class EditTool implements Tool {
  readonly spec = FILE_SPECS.edit;
  readonly #places: Places;
  readonly #seen: SeenFiles;

  constructor(places: Places, seen: SeenFiles) {
    this.#places = places;
    this.#seen = seen;
  }

  async prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { path, all = false, ...texts } = parseArguments('edit', Arguments, args);
    if (texts.old === texts.new) throw new ToolRefusal('edit: old and new are the same');
    const target = await this.#places.toWrite(place, path);
    const { shown } = target;
    if (target.stat === undefined) throw new ToolRefusal(`${shown} does not exist; use write to make it`);
    mustBeFile(shown, target.stat);
    const { content, hash, identity } = await readText(target.path, shown);
    const known = this.#seen.compare(place.sessionId, target.path, { identity, hash });
    if (known === 'changed') throw new ToolRefusal(`${shown} has changed since it was read: read it again`);
    // Whether the old text is there is an answer about the file, which nobody has allowed to be read.
    if (known === 'never' && target.outside.length > 0)
      throw new ToolRefusal(`${shown} is outside the workspace and was not read in this session: read it first`);
    const after = substitute(shown, content, { ...texts, all }).content;
    if (after.length > MAX_EDIT) throw new ToolRefusal(`${shown} would become larger than ${MAX_EDIT} bytes`);
    const ticket: Ticket = { path: target.path, shown, before: hash, after: hashOf(after), all, ...texts };
    return {
      name: 'edit',
      effect: 'edit',
      title: `edit ${shown}`,
      detail: unifiedDiff(shown, content, after),
      paths: [target.path],
      outside: target.outside,
      command: '',
      dangers: await this.#places.dangersAt(place, target.path),
      ticket,
    };
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const { path, shown, before, after, ...wish } = call.ticket as Ticket;
    const { content: old, hash } = await readText(path, shown);
    if (hash !== before) throw new ToolRefusal(`${shown} has changed since it was looked at; nothing was written`);
    const { content, count } = substitute(shown, old, wish);
    if (hashOf(content) !== after) throw new ToolRefusal(`${shown}: this is not the edit that was looked at`);
    const identity = await replaceFile({ path, shown, before, content }, signal);
    this.#seen.remember(place.sessionId, path, { identity, hash: after });
    const output = count === 1 ? `changed ${shown}` : `changed ${shown} in ${count} places`;
    const diff = call.detail.length > MAX_TOLD_DIFF ? '' : `\n${call.detail}`;
    return { output: output + diff, isError: false, details: { diff: call.detail } };
  }
}

async function readText(path: string, shown: string) {
  const { content, identity } = await withPlainFile(path, shown, async (file) => ({
    content: await readWhole(file, shown, MAX_EDIT),
    identity: identityOf(file.stat),
  }));
  const kind = contentOf(content.subarray(0, HEAD));
  if (kind.kind === 'image') throw new ToolRefusal(`${shown} is an image; edit changes text`);
  if (kind.kind === 'binary') throw new ToolRefusal(`${shown} is ${kind.what}; edit changes text`);
  return { content, hash: hashOf(content), identity };
}
