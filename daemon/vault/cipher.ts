/** Authenticated encryption of one record: AES-256-GCM as in NIST SP 800-38D, with a header that says how to read it. */
import { createCipheriv, createDecipheriv, hash, randomFillSync, type KeyObject } from 'node:crypto';

const VERSION = 1;
const ALGORITHM_AES_256_GCM = 1;
const HEADER_BYTES = 6;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PREFIX_BYTES = HEADER_BYTES + NONCE_BYTES;

/** Bytes that a record is longer than its plaintext. */
export const RECORD_OVERHEAD_BYTES = PREFIX_BYTES + TAG_BYTES;

/** A record that was not written by this store under this key at this place, or that was changed since. */
export class TamperError extends Error {
  override readonly name = 'TamperError';
}

/** Random bytes are drawn a few hundred nonces at a time: one call a nonce costs more than the encryption of a short row. */
const noncePool = Buffer.alloc(NONCE_BYTES * 340);
let noncesUsed = noncePool.length;

function writeNonce(target: Buffer, offset: number): void {
  if (noncesUsed + NONCE_BYTES > noncePool.length) {
    randomFillSync(noncePool);
    noncesUsed = 0;
  }
  noncePool.copy(target, offset, noncesUsed, noncesUsed + NONCE_BYTES);
  noncesUsed += NONCE_BYTES;
}

/**
 * Encrypts one record as `version 1 | algorithm 1 | key epoch 4 | nonce 12 | ciphertext | tag 16` (bytes).
 * The nonce is random: one derived from a position would repeat after a restored backup.
 *
 * @param epoch key epoch, 0 to 2^32-1.
 * @param aad what the record is bound to besides its key: its place and every clear column that code trusts.
 */
export function sealRecord(key: KeyObject, epoch: number, aad: Buffer, plaintext: Buffer): Buffer {
  const record = Buffer.allocUnsafe(RECORD_OVERHEAD_BYTES + plaintext.length);
  record[0] = VERSION;
  record[1] = ALGORITHM_AES_256_GCM;
  record.writeUInt32BE(epoch, 2);
  writeNonce(record, HEADER_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, record.subarray(HEADER_BYTES, PREFIX_BYTES), {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(aad);
  cipher.update(plaintext).copy(record, PREFIX_BYTES);
  cipher.final();
  cipher.getAuthTag().copy(record, record.length - TAG_BYTES);
  return record;
}

/**
 * Decrypts one record.
 * @throws TamperError when header, tag, key epoch or binding do not fit. No unverified byte is returned.
 */
export function openRecord(key: KeyObject, epoch: number, aad: Buffer, record: Buffer): Buffer {
  // SQLite puts any type into any column for whoever writes the file.
  if (!Buffer.isBuffer(record) || record.length < RECORD_OVERHEAD_BYTES) throw new TamperError('record is too short');
  if (record[0] !== VERSION || record[1] !== ALGORITHM_AES_256_GCM) throw new TamperError('unknown record format');
  if (record.readUInt32BE(2) !== epoch) throw new TamperError('record belongs to another key epoch');
  // Without authTagLength Node accepts tags of four bytes, which can be guessed.
  const decipher = createDecipheriv('aes-256-gcm', key, record.subarray(HEADER_BYTES, PREFIX_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(record.subarray(record.length - TAG_BYTES));
  const plaintext = decipher.update(record.subarray(PREFIX_BYTES, record.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new TamperError('record does not verify');
  }
  return plaintext;
}

/** Bytes of a link in a chain of records. */
export const CHAIN_BYTES = 32;

/**
 * One more link in a chain over records: SHA-256 of the link before, the position, and the record's nonce and tag. The
 * tags are MACs already and a head authenticates the newest link, so the hash itself needs no key.
 */
export function nextLink(chain: Buffer, position: number, record: Buffer): Buffer {
  const input = Buffer.allocUnsafe(CHAIN_BYTES + 8 + NONCE_BYTES + TAG_BYTES);
  chain.copy(input, 0);
  input.writeDoubleBE(position, CHAIN_BYTES);
  record.copy(input, CHAIN_BYTES + 8, HEADER_BYTES, PREFIX_BYTES);
  record.copy(input, CHAIN_BYTES + 8 + NONCE_BYTES, record.length - TAG_BYTES);
  return hash('sha256', input, 'buffer');
}

/**
 * Fields as additional authenticated data. Each is preceded by its length, so that no two lists of fields give the same
 * bytes.
 * @throws TamperError for a value that no row of ours has.
 */
export function bind(...fields: readonly (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [];
  for (const field of fields) {
    const value = toBytes(field);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(value.length);
    parts.push(length, value);
  }
  return Buffer.concat(parts);
}

/** @throws TamperError when a clear column holds anything else. */
export function requireIntegers(...values: readonly unknown[]): void {
  if (!values.every(Number.isSafeInteger)) throw new TamperError('a column is of another type');
}

/** @throws TamperError when a clear column holds anything else: a text and the same bytes as a blob would be bound alike. */
export function requireTexts(...values: readonly unknown[]): void {
  if (!values.every((value) => typeof value === 'string')) throw new TamperError('a column is of another type');
}

/** @throws TamperError when a column holds anything else. */
export function requireBytes(...values: readonly unknown[]): void {
  if (!values.every((value) => Buffer.isBuffer(value))) throw new TamperError('a column is of another type');
}

function toBytes(field: string | number | Buffer): Buffer {
  if (typeof field === 'string') return Buffer.from(field, 'utf8');
  if (Buffer.isBuffer(field)) return field;
  requireIntegers(field);
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(field));
  return bytes;
}
