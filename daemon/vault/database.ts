/** Opens the SQLite file the one way it may be opened: durable, private, and only where that can be true. */
import Database from 'better-sqlite3';
import { closeSync, lstatSync, mkdirSync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';

export type Db = Database.Database;

/** Earlier releases can lose committed rows when a write-ahead log is reset under load. */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** `f_type` of file systems on which locks or shared memory do not do what SQLite needs (statfs(2)). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x01021997, '9P'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);

/**
 * Opens or creates a database file of mode 0600 in a directory of mode 0700.
 *
 * @throws ProtocolError STORAGE_UNSUPPORTED on a network file system or an old SQLite, STORAGE_FAILED when the file
 * cannot be opened.
 */
export function openDatabase(file: string): Db {
  const directory = dirname(file);
  prepareDirectory(directory);
  refuseNetworkFileSystem(directory);
  createPrivately(file);
  const db = new Database(file, { timeout: 5000 });
  try {
    assertVersion(db);
    configure(db);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/**
 * SQLite gives its other files the mode of this one. An existing file is left alone: closing it here would drop the locks
 * that this process holds on it.
 */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function configure(db: Db): void {
  const mode = db.pragma('journal_mode = WAL', { simple: true });
  if (mode !== 'wal') {
    throw new ProtocolError(
      'STORAGE_UNSUPPORTED',
      `SQLite cannot use a write-ahead log here (it chose ${String(mode)})`,
      {
        hint: 'Put the data directory on a local disk with M_DATA_DIR.',
      },
    );
  }
  // Set each time: the value compiled into the driver for a reopened WAL file is NORMAL, which survives a killed process
  // but not a power cut.
  db.pragma('synchronous = FULL');
  db.pragma('fullfsync = 1');
  db.pragma('checkpoint_fullfsync = 1');
  db.pragma('foreign_keys = ON');
  db.pragma('secure_delete = ON');
  db.pragma('temp_store = MEMORY');
  db.pragma('trusted_schema = 0');
  db.pragma('cell_size_check = ON');
  db.pragma('wal_autocheckpoint = 1000');
  db.pragma('journal_size_limit = 16777216');
}

function assertVersion(db: Db): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const numbers = version.split('.').map(Number);
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = numbers[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) {
      throw new ProtocolError('STORAGE_UNSUPPORTED', `SQLite ${version} is older than ${OLDEST_SQLITE.join('.')}`, {
        hint: 'Reinstall m with its own dependencies.',
      });
    }
  }
}

function prepareDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stat = lstatSync(directory);
  const foreign = process.geteuid !== undefined && stat.uid !== process.geteuid();
  if (!stat.isDirectory() || foreign || (stat.mode & 0o077) !== 0) {
    throw new ProtocolError('UNSAFE_DIRECTORY', `${directory} is not a private directory of this user`, {
      hint: `Check who owns it, then: chmod 700 '${directory}'`,
    });
  }
}

function refuseNetworkFileSystem(directory: string): void {
  if (process.platform !== 'linux') return;
  const name = NETWORK_FILE_SYSTEMS.get(statfsSync(directory).type);
  if (name === undefined) return;
  throw new ProtocolError('STORAGE_UNSUPPORTED', `the data directory is on a network file system (${name})`, {
    hint: 'SQLite cannot keep its promises there. Set M_DATA_DIR to a directory on a local disk.',
  });
}
