/** Whether the file system suits a database, and has room. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { broken, note, ok, type Check, type Finding } from './finding.ts';

const MB = 1024 * 1024;
const LEAST_FREE_MB = 100;
const COMFORTABLE_MB = 1024;

/** Types by the magic number that statfs gives on Linux. Locks and shared memory over a network lose data. */
const NETWORK: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB 2',
  0x01021997: '9P',
  0x5346414f: 'AFS',
  0x00c36400: 'Ceph',
  0x6b414653: 'AFS',
};
const FUSE = 0x65735546;

export const checkDisk: Check = ({ locations }) => {
  const place = nearestExisting(locations.dataDirectory);
  const { type, bavail, bsize } = statfsSync(place);
  return [fileSystem(place, type), space(place, Math.floor((bavail * bsize) / MB))];
};

function fileSystem(place: string, type: number): Finding {
  const name = process.platform === 'linux' ? NETWORK[type] : undefined;
  const fix = 'Set M_DATA_DIR to a directory on a disk of this machine.';
  if (name !== undefined) return broken('file system', `${place} is on ${name}, where a database is not safe`, fix);
  if (process.platform === 'linux' && type === FUSE) {
    return note('file system', `${place} is on FUSE; if that is a network, a database is not safe there`, fix);
  }
  return ok('file system', 'local');
}

function space(place: string, freeMb: number): Finding {
  const message = `${freeMb} MB free at ${place}`;
  if (freeMb < LEAST_FREE_MB)
    return broken('disk space', message, 'Make room: what cannot be saved is held back until then.');
  return freeMb < COMFORTABLE_MB ? note('disk space', message) : ok('disk space', message);
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
