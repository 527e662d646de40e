/** The tool `write`: makes a file, or replaces one as a whole. */
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
import { mustBeFile } from './file-kind.ts';
import { MAX_COMPARED, MAX_WRITE } from './limits.ts';
import type { Places, Target } from './places.ts';
import { hashFile, hashOf, identityOf, withPlainFile, readWhole } from './plain-file.ts';
import { replaceFile } from './replace-file.ts';
import type { SeenFiles } from './seen-files.ts';
import { FILE_SPECS } from './specs.ts';
import { unifiedDiff } from './unified-diff.ts';

const Arguments = z.strictObject({ path: z.string(), content: z.string() });

interface Ticket {
  readonly path: string;
  readonly shown: string;
  /** SHA-256 of what is there; null for nothing. */
  readonly before: string | null;
  readonly content: string;
}

interface Existing {
  readonly hash: string;
  /** Undefined when it is too long to be compared. */
  readonly content: Buffer | undefined;
  readonly size: number;
}

export class WriteTool implements Tool {
  readonly spec = FILE_SPECS.write;
  readonly #places: Places;
  readonly #seen: SeenFiles;

  constructor(places: Places, seen: SeenFiles) {
    this.#places = places;
    this.#seen = seen;
  }

  async prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { path, content } = parseArguments('write', Arguments, args);
    if (Buffer.byteLength(content) > MAX_WRITE) throw new ToolRefusal(`write makes files up to ${MAX_WRITE} bytes`);
    const target = await this.#places.toWrite(place, path);
    if (path.endsWith('/')) throw new ToolRefusal(`${path} names a directory; name the file`);
    const existing = target.stat === undefined ? null : await this.#existing(place, target, target.stat);
    const ticket: Ticket = { path: target.path, shown: target.shown, before: existing?.hash ?? null, content };
    return {
      name: 'write',
      effect: 'edit',
      title: `write ${target.shown}`,
      detail: diffOf(target.shown, existing, content),
      paths: [target.path],
      outside: target.outside,
      command: '',
      dangers: await this.#places.dangersAt(place, target.path),
      ticket,
    };
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const { path, shown, before, content } = call.ticket as Ticket;
    const bytes = Buffer.from(content);
    const identity = await replaceFile({ path, shown, before, content: bytes }, signal);
    this.#seen.remember(place.sessionId, path, { identity, hash: hashOf(bytes) });
    const done = before === null ? 'made' : 'replaced';
    return { output: `${done} ${shown} (${bytes.length} bytes)`, isError: false, details: { diff: call.detail } };
  }

  async #existing(place: ToolPlace, { path, shown }: Target, stat: NonNullable<Target['stat']>): Promise<Existing> {
    mustBeFile(shown, stat);
    const { content, hash, identity, size } = await withPlainFile(path, shown, async (file) => {
      const whole = file.stat.size <= MAX_COMPARED ? await readWhole(file, shown, MAX_COMPARED) : undefined;
      return {
        content: whole,
        hash: whole === undefined ? await hashFile(file) : hashOf(whole),
        identity: identityOf(file.stat),
        size: Number(file.stat.size),
      };
    });
    const known = this.#seen.compare(place.sessionId, path, { identity, hash });
    if (known === 'never')
      throw new ToolRefusal(`${shown} exists and was not read in this session: read it first, or use edit`);
    if (known === 'changed') throw new ToolRefusal(`${shown} has changed since it was read: read it again`);
    return { hash, content, size };
  }
}

function diffOf(shown: string, existing: Existing | null, content: string): string {
  const after = Buffer.from(content);
  if (existing === null) return unifiedDiff(shown, null, after);
  if (existing.content !== undefined) return unifiedDiff(shown, existing.content, after);
  return `--- a/${shown}\n+++ b/${shown}\n(${existing.size} bytes are replaced by ${after.length}: too much to be compared)\n`;
}
