/** The root key as it is kept outside: ASCII that other tools can show, handled as bytes only, never as a string. */
import { createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1');
const KEY_BYTES = 32;
const KEY_TEXT_BYTES = 43;
const DOT = 0x2e;

/** A root key and its public name. */
export interface RootKey {
  readonly key: KeyObject;
  /** 8 random hexadecimal digits; tells keys apart without telling anything of them. */
  readonly keyId: string;
}

/** A key that cannot be read is never the same as a key that is not there. */
export class CorruptKeyError extends Error {
  override readonly name = 'CorruptKeyError';
  /** What to do about it, as a sentence. */
  readonly remedy: string;

  constructor(message: string, remedy = 'Restore it from a backup.') {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * A new root key with its text `v1.<key id>.<base64url of 32 bytes>.<8 hex digits of a SHA-256>`.
 * The caller overwrites `text` when it has been stored.
 */
export function generateRootKey(): { root: RootKey; text: Buffer } {
  const raw = randomBytes(KEY_BYTES);
  const keyId = randomBytes(4).toString('hex');
  const body = Buffer.concat([Buffer.from(`v1.${keyId}.`, 'latin1'), toBase64Url(raw)]);
  const text = Buffer.concat([body, Buffer.from([DOT]), checksum(body)]);
  const root = { key: createSecretKey(raw), keyId };
  raw.fill(0);
  body.fill(0);
  return { root, text };
}

/**
 * Reads a key text; a line end after it is allowed.
 * @throws CorruptKeyError
 */
export function parseRootKey(text: Buffer): RootKey {
  const end = text.at(-1) === 0x0a ? text.length - 1 : text.length;
  const prefix = text.toString('latin1', 0, 12);
  const match = /^v1\.([0-9a-f]{8})\.$/.exec(prefix);
  const bodyEnd = 12 + KEY_TEXT_BYTES;
  if (match === null || end !== bodyEnd + 9 || text[bodyEnd] !== DOT) {
    throw new CorruptKeyError('it is not a key of this program');
  }
  if (!checksum(text.subarray(0, bodyEnd)).equals(text.subarray(bodyEnd + 1, end))) {
    throw new CorruptKeyError('its checksum does not fit');
  }
  const raw = fromBase64Url(text.subarray(12, bodyEnd));
  const key = createSecretKey(raw);
  raw.fill(0);
  return { key, keyId: match[1] ?? '' };
}

function checksum(body: Buffer): Buffer {
  return Buffer.from(createHash('sha256').update(body).digest('hex').slice(0, 8), 'latin1');
}

/** `Buffer.toString('base64url')` would leave the key in a string, which cannot be overwritten. */
function toBase64Url(raw: Buffer): Buffer {
  const text = Buffer.alloc(KEY_TEXT_BYTES);
  for (let index = 0; index < KEY_TEXT_BYTES; index += 1) {
    text[index] = ALPHABET[sixBits(raw, index * 6)] ?? 0;
  }
  return text;
}

function sixBits(raw: Buffer, bit: number): number {
  const byte = bit >> 3;
  const pair = ((raw[byte] ?? 0) << 8) | (raw[byte + 1] ?? 0);
  return (pair >> (10 - (bit & 7))) & 63;
}

function fromBase64Url(text: Buffer): Buffer {
  const raw = Buffer.alloc(KEY_BYTES);
  let bits = 0;
  let value = 0;
  let written = 0;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit === -1) throw new CorruptKeyError('it is not a key of this program');
    value = ((value << 6) | digit) & 0xffff;
    bits += 6;
    if (bits >= 8 && written < KEY_BYTES) {
      bits -= 8;
      raw[written] = (value >> bits) & 0xff;
      written += 1;
    }
  }
  return raw;
}
