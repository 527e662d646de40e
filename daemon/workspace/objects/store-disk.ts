/** What writes to disk in a side repository, one step each, so that a test can stop at any of them. */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { isGone } from './store-errors.ts';
import { dirname, relative, sep } from 'node:path';

export interface StoreDisk {
  /** A new file of mode 0600, open for writing. @throws EEXIST, also for a link. */
  create(path: string): number;
  /** Writes all of the bytes at the end of what was written. */
  write(descriptor: number, bytes: Buffer): void;
  sync(descriptor: number): void;
  close(descriptor: number): void;
  rename(from: string, to: string): void;
  /** What is not there any more is fine. */
  remove(path: string): void;
  /** Makes names durable. */
  syncDirectory(path: string): void;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

export const realDisk: StoreDisk = {
  create: (path) => openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600),
  write: (descriptor, bytes) => {
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
  },
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  remove: (path) => {
    try {
      unlinkSync(path);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  },
  syncDirectory: (path) => {
    const descriptor = openSync(path, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },
};

/** Makes a directory of mode 0700, durably, with those above it. One that is there stays as it is. */
export function makeDirectory(disk: StoreDisk, path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const made = relative(dirname(first), path).split(sep).length;
  for (let count = 0, above = dirname(path); count < made; count += 1, above = dirname(above))
    disk.syncDirectory(above);
}
