/** Reads one file or symbolic link as it is, byte for byte, and notices when it changes meanwhile. */
import { constants } from 'node:fs';
import type { ByteText } from '../byte-text.ts';
import { EXECUTABLE, REGULAR, SYMLINK, type TreeMode } from '../objects/tree-format.ts';
import { codeOf, kindOf, type Disk, type EntryKind, type Stat } from './disk.ts';
import { isGone, refusalOf } from './refusal.ts';
import type { SkipReason } from './scan-result.ts';
import { sameStat } from './stamp.ts';

/** Most files are smaller; one buffer for all of them spares the collector a gigabyte. */
const SCRATCH_BYTES = 256 * 1024;
/** Times that something is read which changes while it is read. */
const ATTEMPTS = 4;

export type Reading =
  | {
      readonly what: 'captured';
      /** Good until the next one is read. */
      readonly body: Buffer;
      readonly mode: TreeMode;
      readonly stat: Stat;
      readonly isTorn: boolean;
    }
  | { readonly what: 'skipped'; readonly reason: SkipReason; readonly stat: Stat | undefined }
  | { readonly what: 'gone' };

/** Another thing has come in the place of what was to be read. */
const CHANGED = Symbol('changed');
const GONE: Reading = { what: 'gone' };

export class EntryReader {
  readonly #disk: Disk;
  readonly #fileBytes: number;
  readonly #scratch = Buffer.allocUnsafe(SCRATCH_BYTES);

  /** @param fileBytes a file with more is skipped. */
  constructor(disk: Disk, fileBytes: number) {
    this.#disk = disk;
    this.#fileBytes = fileBytes;
  }

  /** @param kind what it was when it was last looked at. @returns also `gone` for a directory. */
  read(path: ByteText, kind: EntryKind): Reading {
    let now: EntryKind | undefined = kind;
    try {
      for (let left = ATTEMPTS; left > 0; left -= 1) {
        if (now === undefined || now === 'directory') return GONE;
        if (now === 'special') return { what: 'skipped', reason: 'special', stat: this.#disk.lstat(path) };
        const reading = now === 'link' ? this.#readLink(path) : this.#readFile(path, left === 1);
        if (reading !== CHANGED) return reading;
        const stat = this.#disk.lstat(path);
        now = stat && kindOf(stat.mode);
      }
      return { what: 'skipped', reason: 'changing', stat: undefined };
    } catch (error) {
      if (isGone(error)) return GONE;
      return { what: 'skipped', reason: refusalOf(error, 'unreadable'), stat: undefined };
    }
  }

  #readLink(path: ByteText): Reading | typeof CHANGED {
    const stat = this.#disk.lstat(path);
    if (stat === undefined || kindOf(stat.mode) !== 'link') return CHANGED;
    let target: Buffer;
    try {
      target = this.#disk.readlink(path);
    } catch (error) {
      if (codeOf(error) === 'EINVAL') return CHANGED;
      throw error;
    }
    const after = this.#disk.lstat(path);
    if (after === undefined || !sameStat(stat, after)) return CHANGED;
    return { what: 'captured', body: target, mode: SYMLINK, stat, isTorn: false };
  }

  /** @param isLast whether it is taken as it comes, be it half old and half new. */
  #readFile(path: ByteText, isLast: boolean): Reading | typeof CHANGED {
    let file: number;
    try {
      file = this.#disk.open(path);
    } catch (error) {
      // A symbolic link, or a socket or a device without a driver.
      if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO') return CHANGED;
      throw error;
    }
    try {
      const stat = this.#disk.fstat(file);
      if (kindOf(stat.mode) !== 'file') return CHANGED;
      if (stat.size > this.#fileBytes) return { what: 'skipped', reason: 'too-large', stat };
      const body = this.#readBytes(file, stat.size);
      const isTorn = body.length !== stat.size || !sameStat(stat, this.#disk.fstat(file));
      if (isTorn && !isLast) return CHANGED;
      const mode = (stat.mode & constants.S_IXUSR) === 0 ? REGULAR : EXECUTABLE;
      return { what: 'captured', body, mode, stat, isTorn };
    } finally {
      this.#disk.close(file);
    }
  }

  #readBytes(file: number, size: number): Buffer {
    const body = size <= SCRATCH_BYTES ? this.#scratch.subarray(0, size) : Buffer.allocUnsafe(size);
    let length = 0;
    while (length < size) {
      const came = this.#disk.read(file, body, length);
      if (came === 0) break;
      length += came;
    }
    return length === size ? body : body.subarray(0, length);
  }
}
