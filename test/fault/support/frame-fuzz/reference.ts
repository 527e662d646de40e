/** What a stream of bytes is, told by a second, simple-minded reading of the framing: the fuzzer's opinion against the product's. */
import { MAX_BODY_BYTES, MAX_HEADER_BYTES } from '../../../../protocol/frame.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface Reading {
  /** `broken`: the connection has to be closed. `open`: something is still to come. */
  readonly end: 'whole' | 'open' | 'broken';
  readonly bodies: readonly unknown[];
}

export function readAll(bytes: Buffer): Reading {
  const text = bytes.toString('latin1');
  const bodies: unknown[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at);
    const header = text.slice(at, end === -1 ? undefined : end);
    if (end !== -1 && header.length + 4 > MAX_HEADER_BYTES) return { end: 'broken', bodies };
    if (end === -1) return { end: looksLikeHeader(header) ? 'open' : 'broken', bodies };
    const length = lengthOf(header);
    if (length === undefined) return { end: 'broken', bodies };
    const from = end + 4;
    if (text.length < from + length) return { end: 'open', bodies };
    try {
      bodies.push(JSON.parse(UTF8.decode(bytes.subarray(from, from + length))));
    } catch {
      return { end: 'broken', bodies };
    }
    at = from + length;
  }
  return { end: 'whole', bodies };
}

function looksLikeHeader(text: string): boolean {
  const start = 'content-'.slice(0, Math.min(8, text.length));
  return text.toLowerCase().startsWith(start) && !text.includes('\n\n') && text.length < MAX_HEADER_BYTES;
}

function lengthOf(header: string): number | undefined {
  const lines = header.split('\r\n').filter((line) => !/^content-type: ?[^\n\r\u2028\u2029]*$/i.test(line));
  const [line] = lines;
  if (lines.length !== 1 || line === undefined || !looksLikeHeader(header)) return undefined;
  const digits = /^content-length: ?([0-9]{1,9})$/i.exec(line)?.[1];
  return digits === undefined || Number(digits) > MAX_BODY_BYTES ? undefined : Number(digits);
}
