/** What a scan is told and what it says. */
import type { ByteText } from '../byte-text.ts';
import type { ObjectId } from '../objects/object.ts';

export interface ScanLimits {
  /** A file with more bytes is skipped. */
  readonly fileBytes: number;
  /** A workspace with more files, or more bytes in them, is not captured at all. */
  readonly files: number;
  readonly bytes: number;
}

export const DEFAULT_LIMITS: ScanLimits = { fileBytes: 10 * 2 ** 20, files: 200_000, bytes: 2 * 2 ** 30 };

/**
 * `too-large` over the limit of one file; `special` a FIFO, socket or device; `unreadable` and `unreadable-directory`
 * the system refuses to show it; `path-too-long` the system takes no path of this length; `changing` it was another
 * thing each time it was looked at.
 */
export type SkipReason = 'too-large' | 'special' | 'unreadable' | 'unreadable-directory' | 'path-too-long' | 'changing';

/** What exists and is not captured as it is now. What is unreadable keeps in the tree what was last known of it. */
export interface Skipped {
  readonly path: ByteText;
  readonly reason: SkipReason;
  /** Of a file that is too large. */
  readonly bytes?: number;
}

/** A file, or a directory with all that is in it; empty for the workspace. Bits of 0o077 that it does not have. */
export type Closed = readonly [path: ByteText, denied: number];

export interface ScanResult {
  /** The empty tree when the scan was truncated: whoever asked has to abandon the batch. */
  readonly tree: ObjectId;
  /** Captured files and symbolic links, the bytes in them, and the directories that were looked into. */
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
  /** In order of their paths; at most `MAX_SKIPPED` of `skippedInAll`. */
  readonly skipped: readonly Skipped[];
  readonly skippedInAll: number;
  /** What is not open to everybody who may enter the workspace. */
  readonly closed: readonly Closed[];
  /** Sentences for people about what was not as it should be. */
  readonly remarks: readonly string[];
  /** Another one when other rules decided what is captured. */
  readonly rulesHash: string;
  readonly truncated?: { readonly reason: 'files' | 'bytes' | 'aborted'; readonly limit?: number };
  /** Directories that got another tree than in the scan before. */
  readonly changedDirectories: number;
  /** False when a part was taken as it was known, because a watch had told of nothing there. */
  readonly isWhole: boolean;
}

/** Skipped paths that are told one by one. */
export const MAX_SKIPPED = 10_000;

/** Ends a scan that is to have no result. */
export class ScanStopped extends Error {
  override readonly name = 'ScanStopped';
  readonly truncated: NonNullable<ScanResult['truncated']>;

  constructor(truncated: NonNullable<ScanResult['truncated']>) {
    super(`the scan was stopped: ${truncated.reason}`);
    this.truncated = truncated;
  }
}

/** The root is not there, no directory, or cannot be listed: nothing can be said about what is in it. */
export class WorkspaceUnreadable extends Error {
  override readonly name = 'WorkspaceUnreadable';
}
