/** What a scan knows, in a file: encrypted when there is a key, and thrown away when anything about it is wrong. */
import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { closeSync, fchmodSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { decodeNodes, encodeNodes } from './cache-format.ts';
import type { DirectoryNode } from './directory-node.ts';

const MAGIC = 'm scan 2';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SUM_BYTES = 32;
const ALGORITHM = 'aes-256-gcm';
const PURPOSE = 'm stat cache';

export class CacheFile {
  readonly #path: string;
  readonly #key: KeyObject | undefined;
  /** What it has to have been made for. */
  readonly #binding: Buffer;

  constructor(path: string, key: KeyObject | undefined, binding: string) {
    this.#path = path;
    this.#key = key;
    this.#binding = Buffer.from(`${MAGIC}\0${binding}`, 'latin1');
  }

  /** @returns undefined when there is none, or none that can be trusted whole. */
  load(): DirectoryNode | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#path);
    } catch {
      return undefined;
    }
    try {
      const body = this.#open(bytes);
      return body && decodeNodes(body);
    } catch {
      // A tag that does not fit, or a body that another version has written.
      return undefined;
    }
  }

  /** Not synced: a file that a crash leaves half written is recognised, and costs one full scan. */
  save(root: DirectoryNode): void {
    const sealed = this.#seal(encodeNodes(root));
    const temporary = `${this.#path}.${process.pid}-${threadId}.tmp`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      try {
        fchmodSync(file, 0o600);
        for (const part of sealed) for (let at = 0; at < part.length;) at += writeSync(file, part, at);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.#path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  #seal(body: Buffer): Buffer[] {
    const key = this.#ownKey();
    if (key === undefined) return [this.#sum(body), body];
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(this.#binding);
    const sealed = cipher.update(body);
    cipher.final();
    return [nonce, cipher.getAuthTag(), sealed];
  }

  #open(bytes: Buffer): Buffer | undefined {
    const key = this.#ownKey();
    if (key === undefined) {
      const body = bytes.subarray(SUM_BYTES);
      return this.#sum(body).equals(bytes.subarray(0, SUM_BYTES)) ? body : undefined;
    }
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(this.#binding);
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const body = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    decipher.final();
    return body;
  }

  #sum(body: Buffer): Buffer {
    return hash(
      'sha256',
      Buffer.concat([hash('sha256', this.#binding, 'buffer'), hash('sha256', body, 'buffer')]),
      'buffer',
    );
  }

  /** One of its own, so that its nonces meet those of nothing else. */
  #ownKey(): Buffer | undefined {
    return this.#key && Buffer.from(hkdfSync('sha256', this.#key, '', PURPOSE, 32));
  }
}
