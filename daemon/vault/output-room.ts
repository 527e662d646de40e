/** Leaves room on the disk for everything else: what commands print is the first thing that is not stored any more. */
import { statSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Db } from './database.ts';

/** What output leaves free, in bytes, on a file system that is large enough. */
const RESERVE_BYTES = 64 * 1024 * 1024;
/** What it leaves free of a smaller one. */
const RESERVE_SHARE = 0.1;

/**
 * To be called before a stretch of output is stored. A disk that does not say how much room it has takes what it can.
 * @throws ProtocolError LIMIT_REACHED when the room that is left is for the rest of the store: trying again is of no use.
 */
export function requireRoomForOutput(db: Db): void {
  if (hasRoom(db.name)) return;
  throw new ProtocolError('LIMIT_REACHED', 'the disk is nearly full', { hint: 'Free some space.' });
}

function hasRoom(file: string): boolean {
  try {
    const { bavail, blocks, bsize } = statfsSync(dirname(file));
    const reserve = Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_SHARE);
    // What is in the write-ahead log needs its room once more, in the database, before the log can be used anew.
    const owed = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    return bavail * bsize - owed >= reserve;
  } catch {
    return true;
  }
}
