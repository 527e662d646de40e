/** What writes to disk in a side repository, one step each, so that a test can stop at any of them. */
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

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
  remove: (path) => rmSync(path, { force: true }),
  syncDirectory: (path) => {
    const descriptor = openSync(path, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },
};
