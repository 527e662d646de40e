/** The gate to the daemon: directories that only their owner can enter, checked before a word is spoken. */
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { ProtocolError } from '../../protocol/errors.ts';

const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;

/** The effective user; its files are ours. */
export function ownUid(): number {
  const uid = process.geteuid?.();
  if (uid === undefined) {
    throw new ProtocolError('STORAGE_UNSUPPORTED', 'm needs a system with Unix users and sockets', {
      hint: 'On Windows, run m inside WSL.',
    });
  }
  return uid;
}

/**
 * Makes a directory of mode 0700, or checks the one that is there.
 * @throws ProtocolError UNSAFE_DIRECTORY, with the remedy.
 */
export function makePrivateDirectory(path: string): void {
  makeDirectory(path);
  checkPrivateDirectory(path);
}

/**
 * Checks that a directory is real, ours and closed to others.
 * @returns false when there is nothing at the path.
 * @throws ProtocolError UNSAFE_DIRECTORY, with the remedy.
 */
export function checkPrivateDirectory(path: string): boolean {
  const found = look(path);
  if (found === undefined) return false;
  refuseUnlessOwnDirectory(path, found);
  if ((found.mode & OTHERS) !== 0) throw openToOthers(path, found);
  return true;
}

/**
 * Makes the data directory, or checks the one that is there. One that others can read is closed to them as long as
 * nothing of a store is in it; later its mode is the owner's business and a reason to stop.
 * @throws ProtocolError UNSAFE_DIRECTORY, with the remedy.
 */
export function makeDataDirectory(path: string): void {
  makeDirectory(path);
  const found = lstatSync(path);
  refuseUnlessOwnDirectory(path, found);
  if ((found.mode & OTHERS) === 0) return;
  if ((found.mode & OTHERS_MAY_WRITE) !== 0 || !isUnused(path)) throw openToOthers(path, found);
  chmodSync(path, 0o700);
}

/**
 * Checks a data directory as `makeDataDirectory` does, and changes nothing.
 * @returns false when there is nothing at the path.
 * @throws ProtocolError UNSAFE_DIRECTORY, with the remedy.
 */
export function checkDataDirectory(path: string): boolean {
  const found = look(path);
  if (found === undefined) return false;
  refuseUnlessOwnDirectory(path, found);
  const isOpen = (found.mode & OTHERS) !== 0;
  if (isOpen && ((found.mode & OTHERS_MAY_WRITE) !== 0 || !isUnused(path))) throw openToOthers(path, found);
  return true;
}

/**
 * A daemon that cannot write has no lock, no socket, and nowhere to say why.
 * @throws ProtocolError STORAGE_FAILED, with the remedy.
 */
export function refuseUnwritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const isMount = code === 'EROFS';
    throw new ProtocolError(
      'STORAGE_FAILED',
      isMount ? `${path} is on a file system that is mounted read-only` : `${path} cannot be written (${code})`,
      {
        hint: isMount
          ? 'Mount it for writing, or choose another directory with M_DATA_DIR.'
          : `Allow it: \`chmod u+w '${path}'\`.`,
        cause: error,
      },
    );
  }
}

/** @throws ProtocolError UNSAFE_DIRECTORY when the file belongs to somebody else. */
export function refuseForeignOwner(path: string, owner: number): void {
  const self = ownUid();
  if (owner === self) return;
  const { SUDO_UID, SUDO_USER } = process.env;
  const bySudo = self === 0 && SUDO_UID === String(owner);
  const hint = bySudo
    ? `Run the same command as ${SUDO_USER ?? 'that user'}, without sudo.`
    : self === 0
      ? `Run the command as that user: \`sudo -u '#${owner}' …\`.`
      : `Give it back to yourself with \`sudo chown -R ${self} '${path}'\`, or choose another directory with M_DATA_DIR.`;
  throw new ProtocolError('UNSAFE_DIRECTORY', `${path} belongs to user ${owner}, and this is user ${self}`, { hint });
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const inTheWay = code === 'EEXIST' || code === 'ENOTDIR';
    throw new ProtocolError(
      inTheWay ? 'UNSAFE_DIRECTORY' : 'STORAGE_FAILED',
      inTheWay ? `${path} cannot be a directory: something else is in its place` : `${path} cannot be made (${code})`,
      { hint: 'Choose another directory with M_DATA_DIR, or make this one usable.', cause: error },
    );
  }
}

function refuseUnlessOwnDirectory(path: string, found: Stats): void {
  if (found.isSymbolicLink() || !found.isDirectory()) {
    throw new ProtocolError('UNSAFE_DIRECTORY', `${path} is ${found.isSymbolicLink() ? 'a symbolic link' : 'a file'}`, {
      hint: `Remove it: \`rm '${path}'\`. m makes a real directory in its place.`,
    });
  }
  refuseForeignOwner(path, found.uid);
}

function openToOthers(path: string, found: Stats): ProtocolError {
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  return new ProtocolError('UNSAFE_DIRECTORY', `${path} is open to other users (mode ${mode})`, {
    hint: `Close it: \`chmod 700 '${path}'\`.`,
  });
}

/** Empty, or with nothing but the configuration that a person puts there before the first start. */
function isUnused(path: string): boolean {
  return readdirSync(path).every((name) => name === 'config.toml');
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOTDIR') return undefined;
    throw new ProtocolError('UNSAFE_DIRECTORY', `${path} cannot be looked at (${code})`, {
      hint: 'Run the command as the user who owns it.',
      cause: error,
    });
  }
}
