/**
 * The bytes of a journal: `"mrj" | version 1 | algorithm 1 | nonce 12 | ciphertext | tag 16` with AES-256-GCM (NIST SP
 * 800-38D), the first five bytes authenticated too; or, where snapshots are plain, `"mrj" | version 1 | algorithm 0 |
 * SHA-256 of the text 32 | text`. Names of files are in it, so that it is as secret as they are.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes, type KeyObject } from 'node:crypto';

const PLAIN = Buffer.from('mrj\x01\x00', 'latin1');
const SEALED = Buffer.from('mrj\x01\x01', 'latin1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HASH_BYTES = 32;

/** @param key 32 bytes; undefined for plain. */
export function sealJournal(key: KeyObject | undefined, text: Buffer): Buffer {
  if (key === undefined) return Buffer.concat([PLAIN, hash('sha256', text, 'buffer'), text]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(SEALED);
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([SEALED, nonce, sealed, cipher.getAuthTag()]);
}

/** @returns undefined when these are not the bytes that were written under this key. */
export function openJournal(key: KeyObject | undefined, bytes: Buffer): Buffer | undefined {
  if (!bytes.subarray(0, SEALED.length).equals(key === undefined ? PLAIN : SEALED)) return undefined;
  const rest = bytes.subarray(SEALED.length);
  return key === undefined ? checked(rest) : decrypted(key, rest);
}

function checked(rest: Buffer): Buffer | undefined {
  const text = rest.subarray(HASH_BYTES);
  return hash('sha256', text, 'buffer').equals(rest.subarray(0, HASH_BYTES)) ? text : undefined;
}

function decrypted(key: KeyObject, rest: Buffer): Buffer | undefined {
  if (rest.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, rest.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(SEALED);
  decipher.setAuthTag(rest.subarray(rest.length - TAG_BYTES));
  const text = decipher.update(rest.subarray(NONCE_BYTES, rest.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return text;
}
