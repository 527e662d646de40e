/** Commits without parents, as git stores them: a snapshot is a point of its own and keeps no older one. */
import type { ObjectId } from './object.ts';

export interface SnapshotCommit {
  readonly tree: ObjectId;
  /** Seconds since the epoch. */
  readonly at: number;
  /** One line. */
  readonly subject: string;
  /** Text of the caller's, without NUL; comes back as it is. */
  readonly body: string;
}

const WHO = 'm <m@localhost>';
const COMMIT = /^tree ([0-9a-f]{40})\nauthor m <m@localhost> (\d+) \+0000\ncommitter m <m@localhost> \2 \+0000\n\n/;

/** @throws RangeError for a time, subject or body that a commit cannot carry. */
export function encodeCommit({ tree, at, subject, body }: SnapshotCommit): Buffer {
  if (!Number.isSafeInteger(at) || at < 0) throw new RangeError(`${at} is no time of a commit`);
  if (/[\n\0]/.test(subject) || body.includes('\0')) throw new RangeError('a commit cannot carry this text');
  const message = body === '' ? `${subject}\n` : `${subject}\n\n${body}`;
  return Buffer.from(`tree ${tree}\nauthor ${WHO} ${at} +0000\ncommitter ${WHO} ${at} +0000\n\n${message}`, 'utf8');
}

/** @throws RangeError when it is no commit of ours. */
export function decodeCommit(bytes: Buffer): SnapshotCommit {
  const text = bytes.toString('utf8');
  const [head, tree, at] = COMMIT.exec(text) ?? [];
  const end = head === undefined ? -1 : text.indexOf('\n', head.length);
  if (head === undefined || tree === undefined || end < 0) throw new RangeError('a commit is not one of m');
  // The line between subject and body is empty.
  return { tree, at: Number(at), subject: text.slice(head.length, end), body: text.slice(end + 2) };
}
