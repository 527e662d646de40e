/** Which file systems tell of every change to them. */
import { statfsSync } from 'node:fs';
import { mountsWithin, readMounts } from './mounts.ts';

/**
 * Types as statfs(2) gives them on Linux (constants of its header `magic.h`), of file systems that only this kernel
 * changes. Anything else may change without an event: over the network, by a program in user space, by the host.
 */
const TELLING = new Map<number, string>([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0xca451a4e, 'bcachefs'],
  [0x3153464a, 'jfs'],
  [0x52654973, 'reiserfs'],
  [0x3434, 'nilfs'],
  [0x7366746e, 'ntfs3'],
  [0x2011bab0, 'exfat'],
  [0x4d44, 'vfat'],
]);

/** For the reason that people read. */
const SILENT = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
]);

/** @returns why changes below a type of file system may go untold; undefined when none do. */
export function silenceOf(type: number): string | undefined {
  if (TELLING.has(type)) return undefined;
  const name = SILENT.get(type);
  return name === undefined
    ? `its kind of file system (0x${type.toString(16)}) is not known to tell of every change`
    : `${name} does not tell of changes that are made elsewhere`;
}

/**
 * The numbers of file systems are given anew at each start of macOS, so nothing can be listed here: its own is APFS, which
 * tells, and so does another one of the same kind. What is mounted inside is seen by the scan.
 *
 * @param root the real path of a workspace on macOS. @param system a directory on the disk of the system.
 * @returns why changes in it may go untold; undefined when none do.
 */
export function silenceOfOthers(root: string, system = '/'): string | undefined {
  try {
    if (statfsSync(root).type === statfsSync(system).type) return undefined;
    return 'its file system is of another kind than that of the system, and may not tell of every change';
  } catch (error) {
    return `its file system cannot be asked (${error instanceof Error ? error.message : 'unknown error'})`;
  }
}

/**
 * @param root the real path of a workspace on Linux.
 * @returns why changes in it may go untold, by its own file system or one that is mounted inside; undefined when none do.
 */
export function silenceWithin(root: string): string | undefined {
  for (const place of [root, ...mountsWithin(root, readMounts())]) {
    try {
      const silence = silenceOf(statfsSync(place).type);
      if (silence !== undefined) return place === root ? silence : `${place}: ${silence}`;
    } catch (error) {
      return `${place}: its file system cannot be asked (${error instanceof Error ? error.message : 'unknown error'})`;
    }
  }
  return undefined;
}
