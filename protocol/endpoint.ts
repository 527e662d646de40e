/** Where the two sides meet: every name here is derived from the data directory and the user, and from nothing else. */
import { join } from 'node:path';

/** Longest socket path in bytes: the smallest `sun_path` in use is 104 (macOS), and longer ones are cut silently. */
export const MAX_SOCKET_PATH_BYTES = 100;

export interface Endpoint {
  /** Directory of the lock and the start records, mode 0700. */
  readonly runDirectory: string;
  /** Directory of the socket, mode 0700; the run directory unless that path is too long for a socket. */
  readonly socketDirectory: string;
  readonly socketPath: string;
  readonly lockPath: string;
}

/**
 * Names of the socket and lock of one data directory.
 *
 * TMPDIR and XDG_RUNTIME_DIR are left out on purpose: they differ between a login over SSH, a terminal multiplexer and a
 * desktop session of the same user, who would then get two daemons.
 *
 * @param dataDirectory absolute path with symbolic links resolved.
 * @param uid the user's numeric id.
 */
export function endpointOf(dataDirectory: string, uid: number): Endpoint {
  const runDirectory = join(dataDirectory, 'run');
  const direct = join(runDirectory, 'd.sock');
  const lockPath = join(runDirectory, 'lock.db');
  if (Buffer.byteLength(direct) <= MAX_SOCKET_PATH_BYTES) {
    return { runDirectory, socketDirectory: runDirectory, socketPath: direct, lockPath };
  }
  // Loaded here, since it takes as long to load as all of the connection and short paths do without.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const digest = createHash('sha256').update(dataDirectory).digest('hex').slice(0, 24);
  const socketDirectory = join('/tmp', `m-${uid}-${digest}`);
  return { runDirectory, socketDirectory, socketPath: join(socketDirectory, 'd.sock'), lockPath };
}
