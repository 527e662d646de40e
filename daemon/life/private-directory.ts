/** The directories that nobody but the user may enter: made with mode 0700, or checked before anything is put there. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import type { Endpoint } from '../../protocol/endpoint.ts';
import { ProtocolError } from '../../protocol/errors.ts';

const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;

/**
 * Makes and checks what a daemon needs before it listens.
 * @throws ProtocolError UNSAFE_DIRECTORY or STORAGE_FAILED, with the remedy.
 */
export function prepareDirectories(dataDirectory: string, logDirectory: string, endpoint: Endpoint): void {
  prepareDataDirectory(dataDirectory);
  for (const path of new Set([endpoint.runDirectory, endpoint.socketDirectory, logDirectory])) {
    preparePrivateDirectory(path);
  }
}

/**
 * Makes a directory of mode 0700, or checks that the one that is there is real, ours and closed to others.
 * @throws ProtocolError UNSAFE_DIRECTORY or STORAGE_FAILED.
 */
function preparePrivateDirectory(path: string): void {
  const found = makeAndLook(path);
  if ((found.mode & OTHERS) !== 0) throw openToOthers(path, found);
}

/** An existing data directory that others may read is closed to them while it is empty, and refused afterwards. */
function prepareDataDirectory(path: string): void {
  const found = makeAndLook(path);
  if ((found.mode & OTHERS) === 0) return;
  const unused = readdirSync(path).every((name) => name === 'config.toml');
  if (!unused || (found.mode & OTHERS_MAY_WRITE) !== 0) throw openToOthers(path, found);
  chmodSync(path, 0o700);
}

function makeAndLook(path: string): Stats {
  let found: Stats;
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { recursive: true, mode: 0o700 });
    found = lstatSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ProtocolError('STORAGE_FAILED', `${path} cannot be made or read (${code})`, {
      hint: 'Choose another directory with M_DATA_DIR, or make this one usable.',
      cause: error,
    });
  }
  if (!found.isDirectory()) {
    const what = found.isSymbolicLink() ? 'a symbolic link' : 'a file';
    throw new ProtocolError('UNSAFE_DIRECTORY', `${path} is ${what} and not a directory`, {
      hint: `Remove it: \`rm '${path}'\`. m makes a real directory in its place.`,
    });
  }
  const self = process.geteuid?.();
  if (found.uid !== self) {
    throw new ProtocolError(
      'UNSAFE_DIRECTORY',
      `${path} belongs to user ${found.uid}, and the daemon is user ${self}`,
      {
        hint: `Run m as user ${found.uid}, or choose another directory with M_DATA_DIR.`,
      },
    );
  }
  return found;
}

function openToOthers(path: string, found: Stats): ProtocolError {
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  return new ProtocolError('UNSAFE_DIRECTORY', `${path} is open to other users (mode ${mode})`, {
    hint: `Close it: \`chmod 700 '${path}'\`.`,
  });
}
