/** Which process holds the lock of a file, as the kernel knows it. */
import { readFileSync, statSync, type BigIntStats } from 'node:fs';

const LOCKS = '/proc/locks';
/** `1: POSIX  ADVISORY  WRITE 4711 fd:00:123456 1073741824 1073742335` */
const LINE = /^\d+: (?:POSIX|OFDLCK)\s+\S+\s+WRITE (-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /;

/**
 * @returns undefined when nobody holds it, or where the kernel does not say; 0 or less when the holder is in a process
 * namespace that is not ours, a container for one.
 */
export function lockHolder(path: string, readLocks: () => string = readLocksOfKernel): number | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return undefined;
  for (const line of readLocks().split('\n')) {
    const [, pid, major = '', minor = '', inode = ''] = LINE.exec(line) ?? [];
    const isThis = BigInt(inode || -1) === found.ino && Number.parseInt(major, 16) === majorOf(found);
    if (isThis && Number.parseInt(minor, 16) === minorOf(found)) return Number(pid);
  }
  return undefined;
}

function readLocksOfKernel(): string {
  try {
    return readFileSync(LOCKS, 'utf8');
  } catch {
    // Not Linux, or a container that hides it.
    return '';
  }
}

/** As glibc takes a device number apart. */
function majorOf({ dev }: BigIntStats): number {
  return Number(((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn));
}

function minorOf({ dev }: BigIntStats): number {
  return Number((dev & 0xffn) | ((dev >> 12n) & ~0xffn));
}
