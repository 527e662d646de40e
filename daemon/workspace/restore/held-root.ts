/**
 * The directories of a workspace, held open while something is done in them, and never reached through a symbolic link.
 *
 * On Linux every step goes through the descriptor of the directory above, by way of /proc/self/fd: whoever swaps a
 * directory for a link leads nobody out. Elsewhere no such way exists for a script: the path is looked at again.
 */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import { toByteText, toBytes, type ByteText } from '../byte-text.ts';
import { systemCode } from './restore-disk.ts';

/** Linux only, and missing from the constants of Node. */
const O_PATH = 0o10000000;
const CAN_HOLD = process.platform === 'linux' && existsSync('/proc/self/fd');

const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/** The workspace is not where it was; its directories cannot be told from others now. */
export class WorkspaceMoved extends Error {
  override readonly name: string = 'WorkspaceMoved';

  constructor(root: string) {
    super(
      `${root} has been moved, replaced or deleted. Put it back where it was; ` +
        'a restore that has begun goes on then, and nothing else is touched.',
    );
  }
}

/** Another directory is where a restore was cut off: what is left to do is not for its files. */
export class WorkspaceReplaced extends WorkspaceMoved {
  override readonly name = 'WorkspaceReplaced';

  /** @param journal path of the file that says what is left to do. */
  constructor(root: string, journal: string) {
    super(root);
    this.message =
      `${root} is another directory than the one in which a restore was cut off. Put that one back, and the restore ` +
      `goes on; or give the rest of it up: end the daemon and remove ${journal}`;
  }
}

/** What tells a directory from another one that has come in its place. */
export interface Identity {
  readonly inode: string;
  /** Nanoseconds since the epoch; '0' where nobody knows. */
  readonly bornAt: string;
}

/** Whether these are two directories. Numbers alone differ on some file systems each time they are mounted. */
export function areOthers(one: Identity, other: Identity): boolean {
  const isKnown = one.bornAt !== '0' && other.bornAt !== '0';
  return isKnown && one.inode !== other.inode && one.bornAt !== other.bornAt;
}

/** `absent`: the next directory is not there. `no-directory`: something else is in its place, a link for one. */
type Obstacle = 'absent' | 'no-directory' | 'no-permission';

/** How far the way to a directory leads. Its depth counts names below the root; the obstacle is undefined at the end of the way. */
export interface Reached {
  readonly depth: number;
  readonly obstacle: Obstacle | undefined;
}

interface Level {
  /** As the system names it: absolute. */
  readonly path: ByteText;
  readonly file: number;
}

export class HeldRoot {
  readonly #root: string;
  readonly #canHold: boolean;
  /** The root, and the directories on the way to the one entered last. */
  readonly #levels: Level[] = [];

  /**
   * @param root absolute, through no symbolic link.
   * @param canHold whether the system can hold a directory; for tests of the other way.
   * @throws WorkspaceMoved when it is not there, or a symbolic link has come into the path.
   */
  constructor(root: string, canHold = CAN_HOLD) {
    this.#root = root;
    this.#canHold = canHold;
    const path = toByteText(root);
    this.#levels.push({ path, file: this.#openRoot(path) });
    if (!this.#isInPlace(0)) {
      this.close();
      throw new WorkspaceMoved(root);
    }
  }

  /** Goes to a directory, or as far as real directories lead to it. What was entered before is let go. */
  enter(directory: ByteText): Reached {
    const names = directory === '' ? [] : directory.split('/');
    this.#keep(names);
    while (this.#levels.length <= names.length) {
      const depth = this.#levels.length - 1;
      const obstacle = this.#descend(names[depth] ?? '');
      if (obstacle !== undefined) return { depth, obstacle };
    }
    return { depth: names.length, obstacle: undefined };
  }

  /** A path for system calls that leads to an entry of a directory on the way to the one entered last. */
  at(depth: number, name: ByteText): Buffer {
    const level = this.#level(depth);
    return toBytes(this.#canHold ? `/proc/self/fd/${level.file}/${name}` : `${level.path}/${name}`);
  }

  /** Whether a directory on the way is still where it was entered. */
  isInPlace(depth: number): boolean {
    return this.#levels[depth] !== undefined && this.#isInPlace(depth);
  }

  get identity(): Identity {
    const { ino, birthtimeNs } = fstatSync(this.#level(0).file, { bigint: true });
    return { inode: String(ino), bornAt: String(birthtimeNs) };
  }

  close(): void {
    this.#cut(0);
  }

  /** Keeps what the way there has in common with the last one, if that is still in place. */
  #keep(names: readonly ByteText[]): void {
    let common = 0;
    let path = this.#level(0).path;
    while (common < names.length && common + 1 < this.#levels.length) {
      path += `/${names[common]}`;
      if (this.#level(common + 1).path !== path) break;
      common += 1;
    }
    this.#cut(common + 1);
    // The system names the whole way to what is open, so that the last one tells of all above it.
    if (this.#isInPlace(common)) return;
    this.#cut(1);
    if (!this.#isInPlace(0)) throw new WorkspaceMoved(this.#root);
  }

  #descend(name: ByteText): Obstacle | undefined {
    const depth = this.#levels.length - 1;
    let file: number;
    try {
      file = this.#open(this.at(depth, name));
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT') return 'absent';
      if (code === 'ENOTDIR' || code === 'ELOOP') return 'no-directory';
      if (code === 'EACCES' || code === 'EPERM') return 'no-permission';
      throw error;
    }
    this.#levels.push({ path: `${this.#level(depth).path}/${name}`, file });
    if (this.#isInPlace(depth + 1)) return undefined;
    this.#cut(depth + 1);
    return 'no-directory';
  }

  #openRoot(path: ByteText): number {
    try {
      return this.#open(toBytes(path));
    } catch (error) {
      if (GONE.has(systemCode(error) ?? '')) throw new WorkspaceMoved(this.#root);
      throw error;
    }
  }

  #open(path: Buffer): number {
    const flags = constants.O_DIRECTORY | constants.O_NOFOLLOW;
    return openSync(path, flags | (this.#canHold ? O_PATH : constants.O_RDONLY));
  }

  #isInPlace(depth: number): boolean {
    const { path, file } = this.#level(depth);
    if (this.#canHold) return readlinkSync(`/proc/self/fd/${file}`, { encoding: 'latin1' }) === path;
    try {
      const there = lstatSync(toBytes(path), { bigint: true });
      const held = fstatSync(file, { bigint: true });
      if (there.dev !== held.dev || there.ino !== held.ino) return false;
      return realpathSync.native(toBytes(path), 'buffer').toString('latin1') === path;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return false;
    }
  }

  #level(depth: number): Level {
    const level = this.#levels[depth];
    if (level === undefined) throw new RangeError('no such directory has been entered');
    return level;
  }

  #cut(length: number): void {
    for (const { file } of this.#levels.splice(length)) closeSync(file);
  }
}
