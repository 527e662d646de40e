/** What is encrypted in a row of the log: the body, and which operation wrote it. */

const FINGERPRINT_BYTES = 16;
/** A ULID as text. */
const OP_BYTES = 26;

/** Which operation wrote an entry; only the first entry of an operation says so. */
export interface Mark {
  /** A ULID. */
  readonly op: string | null;
  /** 16 bytes that tell what a client asked for from anything else. */
  readonly fingerprint: Buffer | null;
}

export const NO_MARK: Mark = { op: null, fingerprint: null };

/** Bits of the first byte of a payload: what stands between it and the body. They are part of the format. */
const HAS_FINGERPRINT = 1;
const HAS_OP = 2;

/** A byte that says what the mark is made of, the mark, the text. */
export function encodePayload(text: string, { op, fingerprint }: Mark): Buffer {
  const opBytes = op?.length === OP_BYTES ? OP_BYTES : 0;
  const start = 1 + opBytes + (fingerprint?.length ?? 0);
  const payload = Buffer.allocUnsafe(start + Buffer.byteLength(text));
  payload[0] = (opBytes === 0 ? 0 : HAS_OP) | (fingerprint === null ? 0 : HAS_FINGERPRINT);
  if (op !== null && opBytes > 0) payload.write(op, 1, 'latin1');
  fingerprint?.copy(payload, 1 + opBytes);
  payload.write(text, start, 'utf8');
  return payload;
}

export function decodePayload(payload: Buffer): { body: string; mark: Mark } {
  const bits = payload[0] ?? 0;
  const opEnd = 1 + ((bits & HAS_OP) === 0 ? 0 : OP_BYTES);
  const start = opEnd + ((bits & HAS_FINGERPRINT) === 0 ? 0 : FINGERPRINT_BYTES);
  const body = payload.toString('utf8', start);
  if (start === 1) return { body, mark: NO_MARK };
  const op = opEnd === 1 ? null : payload.toString('latin1', 1, opEnd);
  const fingerprint = start === opEnd ? null : Buffer.from(payload.subarray(opEnd, start));
  return { body, mark: { op, fingerprint } };
}
