/** How a workspace is watched: one way for each system that has one. */
import { join } from 'node:path';
import { silenceOfOthers, silenceWithin } from './file-systems.ts';

export interface WatchKind {
  /** The program of the watch thread. */
  readonly script: string;
  /** Milliseconds for an answer, after which everything is scanned. */
  readonly deadline: number;
  /** Files up to which a scan takes no longer than a person notices, or than an answer of the watches. */
  readonly scannedQuickly: number;
  /** Milliseconds that a workspace goes by its watches alone. */
  readonly verifiedFor: number;
  /** @returns why changes below the real path of a workspace may go untold; undefined when none do. */
  silence(root: string): string | undefined;
}

/** Linux: an answer takes a millisecond, a scan of so many files about 60. */
const directories: WatchKind = {
  script: join(import.meta.dirname, 'watch-worker.cjs'),
  deadline: 200,
  scannedQuickly: 20_000,
  verifiedFor: 10 * 60_000,
  silence: silenceWithin,
};

/** macOS: an answer takes 100 milliseconds and more, and what is told is believed for less long. */
const streams: WatchKind = {
  script: join(import.meta.dirname, 'stream-worker.cjs'),
  deadline: 500,
  scannedQuickly: 100_000,
  verifiedFor: 2 * 60_000,
  silence: silenceOfOthers,
};

/** @returns undefined where nothing can be watched. */
export function watchKindOf(platform: NodeJS.Platform): WatchKind | undefined {
  if (platform === 'linux') return directories;
  return platform === 'darwin' ? streams : undefined;
}
