/**
 * The form of every file in a side repository: a header, then chunks of 64 KiB, each sealed by itself so that any can
 * be read alone.
 *
 * Header (56 bytes): magic 4, version 1, algorithm 1, kind 1, zero 1, random id of the file 16, salt 32. A chunk is its
 * bytes and a tag of 16. Under a key: AES-256-GCM (NIST SP 800-38D) with a key of this file alone, by HKDF-SHA-256
 * (RFC 5869) from the workspace key and the salt; the nonce is the number of the chunk, which no other chunk under that
 * key has. Without one the tag is the beginning of a SHA-256. Both tags cover header, number and whether it is the last:
 * chunks that were cut off, exchanged, doubled or brought from another file do not verify.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { TamperedFile } from './store-errors.ts';

export const HEADER_BYTES = 56;
export const CHUNK_BYTES = 64 * 1024;
export const TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/** What a file is: a pack cannot stand in for the refs. */
export type FileKind = 'pack' | 'refs' | 'journal' | 'removal' | 'hidden';

const MAGIC = Buffer.from('mobj', 'latin1');
const VERSION = 1;
const PLAIN = 0;
const AES_256_GCM = 1;
const KINDS: readonly FileKind[] = ['pack', 'refs', 'journal', 'removal', 'hidden'];
const ID_AT = 8;
const SALT_AT = 24;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';

/** Seals and opens the chunks of one file. */
export interface Seal {
  readonly header: Buffer;
  /**
   * @param target where the bytes go as they come to disk, with their tag; it is used again for every chunk, because
   * making one costs as much as the encryption. @returns the part of it that was filled.
   */
  seal(index: number, last: boolean, bytes: Buffer, target: Buffer): Buffer;
  /** @throws TamperedFile. No byte that does not verify is returned. */
  open(index: number, last: boolean, sealed: Buffer): Buffer;
}

/** The seal of a new file. @param key undefined: not encrypted, only checked. */
export function newSeal(kind: FileKind, key: KeyObject | undefined): Seal {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header[4] = VERSION;
  header[5] = key === undefined ? PLAIN : AES_256_GCM;
  header[6] = KINDS.indexOf(kind);
  randomBytes(HEADER_BYTES - ID_AT).copy(header, ID_AT);
  return sealOf(kind, header, key);
}

/**
 * The seal of a file that is there. What is not encrypted is refused where a key is given: anybody could have written it.
 * @throws TamperedFile
 */
export function sealFor(kind: FileKind, header: Buffer, key: KeyObject | undefined): Seal {
  if (header.length !== HEADER_BYTES || !header.subarray(0, 4).equals(MAGIC)) throw new TamperedFile('no file of ours');
  if (header[4] !== VERSION) throw new TamperedFile(`unknown version ${header[4]}`);
  if (header[6] !== KINDS.indexOf(kind) || header[7] !== 0) throw new TamperedFile('another kind of file');
  const algorithm = key === undefined ? PLAIN : AES_256_GCM;
  if (header[5] !== algorithm) {
    throw new TamperedFile(key === undefined ? 'it is encrypted, and there is no key' : 'it is not encrypted');
  }
  return sealOf(kind, header, key);
}

/** Bytes on disk of a file. @param length of its contents, at least 1. */
export function sealedBytes(length: number): number {
  return HEADER_BYTES + length + Math.ceil(length / CHUNK_BYTES) * TAG_BYTES;
}

/** The random id in a header, 32 hexadecimal digits: the name of a pack. */
export function fileIdOf(header: Buffer): string {
  return header.toString('hex', ID_AT, SALT_AT);
}

function sealOf(kind: FileKind, header: Buffer, key: KeyObject | undefined): Seal {
  return key === undefined ? checkedSeal(header) : encryptedSeal(header, fileKey(kind, header, key));
}

function fileKey(kind: FileKind, header: Buffer, key: KeyObject): KeyObject {
  const info = Buffer.concat([Buffer.from(`m side repository 1 ${kind} `, 'latin1'), header.subarray(ID_AT, SALT_AT)]);
  const bytes = Buffer.from(hkdfSync('sha256', key, header.subarray(SALT_AT), info, KEY_BYTES));
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}

function boundTo(header: Buffer, index: number, last: boolean): Buffer {
  const bound = Buffer.allocUnsafe(HEADER_BYTES + 5);
  header.copy(bound);
  bound.writeUInt32BE(index, HEADER_BYTES);
  bound[HEADER_BYTES + 4] = last ? 1 : 0;
  return bound;
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(index, NONCE_BYTES - 4);
  return nonce;
}

function encryptedSeal(header: Buffer, key: KeyObject): Seal {
  return {
    header,
    seal: (index, last, bytes, target) => {
      const cipher = createCipheriv(CIPHER, key, nonceOf(index), { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(header, index, last));
      cipher.update(bytes).copy(target);
      cipher.final();
      cipher.getAuthTag().copy(target, bytes.length);
      return target.subarray(0, bytes.length + TAG_BYTES);
    },
    open: (index, last, sealed) => {
      const end = sealed.length - TAG_BYTES;
      if (end < 0) throw new TamperedFile('it ends too early');
      // Without authTagLength Node accepts tags of four bytes, which can be guessed.
      const decipher = createDecipheriv(CIPHER, key, nonceOf(index), { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(header, index, last));
      decipher.setAuthTag(sealed.subarray(end));
      const bytes = decipher.update(sealed.subarray(0, end));
      try {
        decipher.final();
      } catch {
        bytes.fill(0);
        throw new TamperedFile(`chunk ${index} does not verify`);
      }
      return bytes;
    },
  };
}

function checkedSeal(header: Buffer): Seal {
  const tagOf = (index: number, last: boolean, bytes: Buffer) =>
    createHash('sha256')
      .update(boundTo(header, index, last))
      .update(bytes)
      .digest()
      .subarray(0, TAG_BYTES);
  return {
    header,
    seal: (index, last, bytes, target) => {
      bytes.copy(target);
      tagOf(index, last, bytes).copy(target, bytes.length);
      return target.subarray(0, bytes.length + TAG_BYTES);
    },
    open: (index, last, sealed) => {
      const end = sealed.length - TAG_BYTES;
      if (end < 0) throw new TamperedFile('it ends too early');
      const bytes = sealed.subarray(0, end);
      if (!tagOf(index, last, bytes).equals(sealed.subarray(end)))
        throw new TamperedFile(`chunk ${index} does not verify`);
      return bytes;
    },
  };
}
