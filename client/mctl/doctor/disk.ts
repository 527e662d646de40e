/** Whether the file system suits a database, can be written and has room. */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { broken, note, ok, type Check, type Finding } from './finding.ts';
import type { FileSystem } from './system.ts';

const MB = 1024 * 1024;
const LEAST_FREE_MB = 100;
const COMFORTABLE_MB = 1024;
const LEAST_FREE_FILES = 100;

/** Types by the magic number that statfs gives on Linux. Locks and shared memory over a network lose data. */
const NETWORK: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB 2',
  0x01021997: '9P',
  0x5346414f: 'AFS',
  0x6b414653: 'AFS',
  0x73757245: 'Coda',
  0x00c36400: 'Ceph',
  0x0bd00bd0: 'Lustre',
  0x47504653: 'GPFS',
};
const FUSE = 0x65735546;

const ROOM = 'Make room: what cannot be saved is held back until then.';

export const checkDisk: Check = ({ locations, system }) => {
  const place = nearestExisting(locations.dataDirectory);
  const found = system.statfs(place);
  return [
    fileSystem(place, system.platform === 'linux' ? found.type : 0),
    ...writing(place),
    space(place, found),
    ...names(place, found),
  ];
};

function fileSystem(place: string, type: number): Finding {
  const name = NETWORK[type];
  const fix = 'Set M_DATA_DIR to a directory on a disk of this machine.';
  if (name !== undefined) return broken('file system', `${place} is on ${name}, where a database is not safe`, fix);
  if (type === FUSE) {
    return note('file system', `${place} is on FUSE; if that is a network, a database is not safe there`, fix);
  }
  return ok('file system', 'local');
}

function writing(place: string): Finding[] {
  try {
    accessSync(place, constants.W_OK);
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EROFS') {
      const fix = 'No daemon can start there. Mount it for writing, or set M_DATA_DIR to another directory.';
      return [broken('writing', `${place} is on a file system that is mounted read-only`, fix)];
    }
    return [broken('writing', `${place} cannot be written (${code ?? 'unknown'})`, `Allow it: chmod u+w '${place}'`)];
  }
}

function space(place: string, { freeBytes }: FileSystem): Finding {
  const freeMb = Math.floor(freeBytes / MB);
  const message = `${freeMb} MB free at ${place}`;
  if (freeMb < LEAST_FREE_MB) return broken('disk space', message, ROOM);
  return freeMb < COMFORTABLE_MB ? note('disk space', message) : ok('disk space', message);
}

function names(place: string, { freeFiles }: FileSystem): Finding[] {
  if (freeFiles === undefined || freeFiles >= LEAST_FREE_FILES) return [];
  return [broken('disk space', `${freeFiles} more files can be made at ${place}`, ROOM)];
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
