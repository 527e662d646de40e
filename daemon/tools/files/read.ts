/** The tool `read`: lines of a text file, or an image. */
import { createHash } from 'node:crypto';
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
import { LineWindow, type Line, type Oddities } from './line-window.ts';
import { DEFAULT_LINES, HEAD, MAX_HASHED, MAX_IMAGE, MAX_OUTPUT } from './limits.ts';
import type { Places } from './places.ts';
import { hashOf, identityOf, withPlainFile, piecesOf, readWhole, type PlainFile } from './plain-file.ts';
import type { SeenFiles } from './seen-files.ts';
import { FILE_SPECS } from './specs.ts';

const Arguments = z.strictObject({
  path: z.string(),
  offset: z.optional(z.int().check(z.gte(1))),
  limit: z.optional(z.int().check(z.gte(1), z.lte(DEFAULT_LINES))),
});

interface Ticket {
  readonly path: string;
  readonly shown: string;
  readonly offset: number;
  readonly limit: number;
}

export class ReadTool implements Tool {
  readonly spec = FILE_SPECS.read;
  readonly #places: Places;
  readonly #seen: SeenFiles;

  constructor(places: Places, seen: SeenFiles) {
    this.#places = places;
    this.#seen = seen;
  }

  async prepare(place: ToolPlace, args: unknown): Promise<PreparedCall> {
    const { path, offset = 1, limit = DEFAULT_LINES } = parseArguments('read', Arguments, args);
    const target = await this.#places.toRead(place, path);
    if (target.stat === undefined) throw new ToolRefusal(`${target.shown} does not exist`);
    mustBeFile(target.shown, target.stat);
    const ticket: Ticket = { path: target.path, shown: target.shown, offset, limit };
    return {
      name: 'read',
      effect: 'read',
      title: `read ${target.shown}`,
      detail: '',
      paths: [],
      outside: target.outside,
      command: '',
      dangers: [],
      ticket,
    };
  }

  async run(place: ToolPlace, call: PreparedCall, _sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome> {
    const ticket = call.ticket as Ticket;
    return await withPlainFile(ticket.path, ticket.shown, (file) => this.#show(place, ticket, file, signal));
  }

  async #show(place: ToolPlace, ticket: Ticket, file: PlainFile, signal: AbortSignal): Promise<ToolOutcome> {
    const head = Buffer.alloc(HEAD);
    const { bytesRead } = await file.handle.read(head, 0, HEAD, 0);
    const content = contentOf(head.subarray(0, bytesRead));
    if (content.kind === 'image') return await this.#image(place, ticket, file, content.mediaType);
    if (content.kind === 'binary')
      throw new ToolRefusal(`${ticket.shown} is not shown: it is ${content.what}, ${file.stat.size} bytes`);
    return await this.#text(place, ticket, file, signal);
  }

  async #image(place: ToolPlace, { path, shown }: Ticket, file: PlainFile, mediaType: string): Promise<ToolOutcome> {
    const { size } = file.stat;
    if (size > MAX_IMAGE)
      throw new ToolRefusal(`${shown} is an image of ${size} bytes; up to ${MAX_IMAGE} can be shown. Make it smaller`);
    const data = await readWhole(file, shown, MAX_IMAGE);
    this.#seen.remember(place.sessionId, path, { identity: identityOf(file.stat), hash: hashOf(data) });
    return {
      output: `${shown} is an image (${mediaType}, ${data.length} bytes); it is attached`,
      isError: false,
      images: [{ type: 'image', mediaType, data: data.toString('base64') }],
    };
  }

  async #text(place: ToolPlace, ticket: Ticket, file: PlainFile, signal: AbortSignal): Promise<ToolOutcome> {
    const page = new Page(ticket.limit);
    const window = new LineWindow(ticket.offset, (line) => page.take(line));
    const whole = file.stat.size <= MAX_HASHED;
    const hash = createHash('sha256');
    let ended = true;
    for await (const piece of piecesOf(file, signal)) {
      if (whole) hash.update(piece);
      else if (window.closed) {
        ended = false;
        break;
      }
      window.add(piece);
    }
    window.end();
    const identity = identityOf(file.stat);
    const changed = identityOf(await file.handle.stat({ bigint: true })) !== identity;
    if (!changed)
      this.#seen.remember(place.sessionId, ticket.path, { identity, hash: whole ? hash.digest('hex') : undefined });
    return this.#answer(ticket, page, window, { ended, changed });
  }

  #answer(
    { shown, offset }: Ticket,
    page: Page,
    window: LineWindow,
    { ended, changed }: { ended: boolean; changed: boolean },
  ): ToolOutcome {
    const notes = oddityNotes(window.oddities);
    if (changed) notes.push('the file was changed by somebody while it was read; read it again');
    if (window.lines === 0) notes.unshift('the file is empty');
    else if (page.last === 0)
      throw new ToolRefusal(`${shown} has ${window.lines} lines; there is none from ${offset} on`);
    else if (!ended)
      notes.unshift(`lines ${offset} to ${page.last}; there is more, go on with offset ${page.last + 1}`);
    else if (page.last < window.lines)
      notes.unshift(`lines ${offset} to ${page.last} of ${window.lines}; go on with offset ${page.last + 1}`);
    else if (offset > 1) notes.unshift(`lines ${offset} to ${page.last} of ${window.lines}`);
    return { output: [...page.lines, ...notes.map((note) => `(${note})`)].join('\n'), isError: false };
  }
}

/** Numbered lines up to what one answer holds. */
class Page {
  readonly lines: string[] = [];
  /** Number of the last line; 0 while there is none. */
  last = 0;
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns whether there is room for another. */
  take({ number, text, bytes, cut }: Line): boolean {
    const shown = `${String(number).padStart(6)}\t${text}${cut ? ` […] (line of ${bytes} bytes, cut)` : ''}`;
    const length = Buffer.byteLength(shown) + 1;
    if (this.#bytes + length > MAX_OUTPUT) return false;
    this.lines.push(shown);
    this.#bytes += length;
    this.last = number;
    return this.lines.length < this.#limit;
  }
}

function oddityNotes({ invalid, nul, crlf, mark }: Oddities): string[] {
  return [
    ...(invalid ? ['some bytes are not valid UTF-8 and are shown as \ufffd'] : []),
    ...(nul ? ['NUL bytes are shown as \u2400'] : []),
    ...(crlf ? ['lines end in CRLF'] : []),
    ...(mark ? ['the file begins with a byte order mark'] : []),
  ];
}
