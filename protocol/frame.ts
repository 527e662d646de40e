/** Content-Length frames as bytes: a bounded decoder and a one-buffer encoder. */

/** Longest header block in bytes, the blank line included. */
export const MAX_HEADER_BYTES = 4 * 1024;
/** Longest body in bytes; larger payloads are paged. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Input that is not a frame. The connection that sent it cannot be brought back into step and is closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const SEPARATOR = Buffer.from('\r\n\r\n', 'latin1');

/** One frame, header and body in a single buffer, so that it costs a single write. */
export function encodeFrame(body: string): Buffer {
  const length = Buffer.byteLength(body);
  const header = `Content-Length: ${length}\r\n\r\n`;
  const frame = Buffer.allocUnsafe(header.length + length);
  frame.write(header, 0, 'latin1');
  frame.write(body, header.length, 'utf8');
  return frame;
}

/**
 * Cuts a byte stream into frame bodies. Memory is bounded by one header and one body: an announced length that is too
 * long is refused before its body arrives.
 */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #buffered = 0;
  #bodyLength: number | undefined;
  #violation: FrameError | undefined;

  /** Why nothing more comes of this stream; what had arrived whole before was returned. */
  get violation(): FrameError | undefined {
    return this.#violation;
  }

  /** Bytes that arrived and are not yet part of a returned body. */
  get pendingBytes(): number {
    return this.#buffered;
  }

  /**
   * @param chunk the next bytes of the stream.
   * @returns the bodies that are now complete, in order.
   * @throws FrameError when the stream is not made of frames within the limits, and no body came before that.
   */
  push(chunk: Buffer): Buffer[] {
    if (this.#violation !== undefined) throw this.#violation;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const bodies: Buffer[] = [];
    try {
      this.#cut(bodies);
    } catch (error) {
      // It throws nothing else.
      this.#violation = error as FrameError;
      this.#chunks = [];
      this.#buffered = 0;
      if (bodies.length === 0) throw this.#violation;
    }
    return bodies;
  }

  #cut(bodies: Buffer[]): void {
    for (;;) {
      if (this.#bodyLength === undefined && !this.#readHeader()) return;
      const length = this.#bodyLength ?? 0;
      if (this.#buffered < length) return;
      bodies.push(this.#take(length));
      this.#bodyLength = undefined;
    }
  }

  #readHeader(): boolean {
    if (this.#buffered === 0) return false;
    const head = this.#peek(MAX_HEADER_BYTES);
    const end = head.indexOf(SEPARATOR);
    if (end === -1) {
      if (head.length >= MAX_HEADER_BYTES) throw new FrameError(`header longer than ${MAX_HEADER_BYTES} bytes`);
      rejectHopelessStart(head);
      return false;
    }
    this.#bodyLength = parseContentLength(head.toString('latin1', 0, end));
    this.#take(end + SEPARATOR.length);
    return true;
  }

  /** The first bytes in one piece, without consuming them. */
  #peek(limit: number): Buffer {
    const first = this.#chunks[0];
    if (first === undefined) return Buffer.alloc(0);
    if (first.length >= limit) return first.subarray(0, limit);
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return (this.#chunks[0] ?? first).subarray(0, limit);
  }

  #take(length: number): Buffer {
    if (length === 0) return Buffer.alloc(0);
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    const all = this.#chunks[0] ?? Buffer.alloc(0);
    const taken = all.subarray(0, length);
    const rest = all.subarray(length);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return taken;
  }
}

const HEADER_START = Buffer.from('content-', 'latin1');

/** Junk is refused at its first byte, not after four kilobytes of waiting. */
function rejectHopelessStart(head: Buffer): void {
  const start = head.subarray(0, HEADER_START.length).toString('latin1').toLowerCase();
  if (!HEADER_START.toString('latin1').startsWith(start)) throw new FrameError('does not start with a header');
  if (head.includes('\n\n')) throw new FrameError('header lines must end in CR LF');
}

function parseContentLength(header: string): number {
  let length: number | undefined;
  for (const line of header.split('\r\n')) {
    const match = /^([A-Za-z-]+): ?(.*)$/.exec(line);
    if (match === null) throw new FrameError('malformed header line');
    const name = match[1]?.toLowerCase();
    if (name === 'content-type') continue;
    if (name !== 'content-length' || length !== undefined) throw new FrameError('unexpected header');
    length = parseDigits(match[2] ?? '');
  }
  if (length === undefined) throw new FrameError('header without Content-Length');
  return length;
}

function parseDigits(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new FrameError('Content-Length must be decimal digits');
  const length = Number(text);
  if (length > MAX_BODY_BYTES) throw new FrameError(`body longer than ${MAX_BODY_BYTES} bytes`);
  return length;
}
