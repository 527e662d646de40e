/** Opens the SQLite file the one way it may be opened: durable, private, and only where that can be true. */
import Database from 'better-sqlite3';
import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, statSync, statfsSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';

export type Db = Database.Database;

/** How long another program that has the store open is waited for. */
const BUSY_MS = 1_000;
/** With less than this even an empty write-ahead log cannot be made. */
const NO_ROOM_BYTES = 64 * 1024;

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
 * Opens a database file of mode 0600 in a directory of mode 0700.
 *
 * @param how `open`: it was there before, so an empty one in its place would only hide that it is gone.
 * @throws ProtocolError STORAGE_UNSUPPORTED on a network file system or an old SQLite; TAMPERED when only the write-ahead
 * log is left; a storage error when the file cannot be opened.
 */
export function openDatabase(file: string, how: 'create' | 'open' = 'create'): Db {
  const directory = dirname(file);
  if (how === 'create') prepareDirectory(directory);
  refuseNetworkFileSystem(directory);
  refuseLogAlone(file);
  if (how === 'create') createPrivately(file);
  if (statSync(file).size === 0) makeNamesDurable(directory);
  const db = new Database(file, { timeout: BUSY_MS, fileMustExist: true });
  try {
    assertVersion(db);
    configure(db);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** SQLite removes the log of a database that is gone or empty, and with it the commits that are nowhere else. */
function refuseLogAlone(file: string): void {
  const log = `${file}-wal`;
  if (sizeOf(file) > 0 || sizeOf(log) === 0) return;
  throw new ProtocolError('TAMPERED', `the database ${file} is gone or empty, but its write-ahead log is not`, {
    hint: `Restore the store from a backup, or move ${log} away to begin anew. Nothing was changed.`,
  });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
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
  // Nobody else reads or writes while the daemon lives: what is remembered of rows stays true, a reader from outside cannot
  // keep the write-ahead log from being emptied, and no shared memory has to be found on a full disk.
  db.pragma('locking_mode = EXCLUSIVE');
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

/**
 * Writes everything that is in the write-ahead log into the database, and empties the log, whose name is then durable.
 *
 * A process that died, or a connection that met an error, may have left commits there that can be read and are not on the
 * disk: after a failed fsync the kernel may forget what it did not write. Whatever is appended behind them would be lost
 * with them. Pages that are written anew are durable when this returns.
 *
 * @throws a storage error when the disk does not take it; ProtocolError STORAGE_FAILED when there is no such log.
 */
export function settle(db: Db): void {
  const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number; log: number }[];
  // When an error of the disk keeps SQLite from changing the mode, only this tells: the pragma answers `wal` all the same.
  if (result?.log === -1) throw notWal('the disk refused the change');
  if (result?.busy !== 0) throw new Database.SqliteError('the write-ahead log is in use', 'SQLITE_BUSY');
  // SQLite does so too when it makes the file, and does not mind when that fails.
  syncDirectory(dirname(db.name));
}

/**
 * Overwrites a commit that was reported as failed and may be complete in the write-ahead log all the same, so that it
 * cannot come back when the log is read again. Whether this transaction becomes durable itself does not matter.
 */
export function bury(db: Db): void {
  db.exec('BEGIN IMMEDIATE');
  db.prepare("INSERT OR REPLACE INTO meta(name, value) VALUES ('buried_at', ?)").run(String(Date.now()));
  db.exec('COMMIT');
}

/** Whether a file system has no room left for anything; false when it does not say. */
export function isFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < NO_ROOM_BYTES;
  } catch {
    return false;
  }
}

function notWal(why: string): ProtocolError {
  return new ProtocolError('STORAGE_FAILED', `the store cannot use a write-ahead log: ${why}`, {
    hint: 'See `mctl doctor`; it is tried again by itself.',
    retryable: true,
  });
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
  const stat = lstatSync(directory, { throwIfNoEntry: false }) ?? makeDirectory(directory);
  if (!stat.isDirectory()) {
    throw new ProtocolError('UNSAFE_DIRECTORY', `${directory} is not a directory`, {
      hint: 'Move it away: m makes a directory in its place.',
    });
  }
  if (!isOurs(stat) || (stat.mode & 0o077) !== 0) {
    throw new ProtocolError('UNSAFE_DIRECTORY', `${directory} is not a private directory of this user`, {
      hint: `Check who owns it, then: chmod 700 '${directory}'`,
    });
  }
}

function makeDirectory(directory: string): Stats {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return lstatSync(directory);
}

/**
 * What is about to be stored is found after a power cut only when the names on the way to it are on the disk. Those above
 * a directory of somebody else were there before.
 */
function makeNamesDurable(directory: string): void {
  for (let above = dirname(directory); isOurs(lstatSync(above)); above = dirname(above)) {
    syncDirectory(above);
    if (above === dirname(above)) return;
  }
}

function isOurs({ uid }: Stats): boolean {
  return process.geteuid === undefined || uid === process.geteuid();
}

/** The names in a directory are durable when this returns. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
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
