/**
 * The side repository as the file system that isomorphic-git expects to find a bare repository in: read-only, made up
 * while it is read. Objects show as loose ones, refs as packed ones. Nothing decrypted is on disk.
 */
import { constants, deflateSync } from 'node:zlib';
import type { ObjectSource } from './object.ts';
import type { Ref } from './ref-store.ts';
import { MissingObject } from './store-errors.ts';

/** The `gitdir` that goes with it. */
export const GIT_DIRECTORY = '/side-repository';

/** Where refs are for git: `snap/a/1-pre` is `refs/snap/a/1-pre`. */
export const REF_PREFIX = 'refs/';

/** A HEAD that names nothing: snapshots are no branch. */
export const HEAD_FILE = 'ref: refs/heads/main\n';

export const CONFIG_FILE = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n';

interface Listed {
  list(): readonly Ref[];
}

interface FileStats {
  readonly type: 'file' | 'dir';
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

type ReadOptions = string | { readonly encoding?: string } | undefined;

export interface GitFileSystem {
  readonly promises: {
    readFile(path: string, options?: ReadOptions): Promise<Buffer | string>;
    readdir(path: string): Promise<string[]>;
    stat(path: string): Promise<FileStats>;
    lstat(path: string): Promise<FileStats>;
    readlink(path: string): Promise<never>;
    writeFile(path: string): Promise<never>;
    mkdir(path: string): Promise<never>;
    rmdir(path: string): Promise<never>;
    unlink(path: string): Promise<never>;
    symlink(target: string, path: string): Promise<never>;
  };
}

const OBJECT_FILE = /^objects\/([0-9a-f]{2})\/([0-9a-f]{38})$/;
const DIRECTORIES = new Set(['', 'objects', 'objects/pack', 'refs']);

/** The text of git's `packed-refs`. */
export function packedRefs(refs: readonly Ref[]): string {
  const lines = refs.map(({ name, id }) => `${id} ${REF_PREFIX}${name}\n`);
  return `# pack-refs with: peeled fully-peeled sorted \n${lines.join('')}`;
}

/** For the `fs` of isomorphic-git, together with GIT_DIRECTORY. Damaged objects fail with TamperedObject. */
export function gitFileSystem(store: ObjectSource, refs: Listed): GitFileSystem {
  const fileAt = (path: string): Buffer => {
    const name = nameOf(path);
    const object = OBJECT_FILE.exec(name);
    if (object !== null) return looseObject(store, `${object[1]}${object[2]}`, path);
    if (name === 'HEAD') return Buffer.from(HEAD_FILE);
    if (name === 'config') return Buffer.from(CONFIG_FILE);
    if (name === 'packed-refs') return Buffer.from(packedRefs(refs.list()));
    throw systemError(DIRECTORIES.has(name) ? 'EISDIR' : 'ENOENT', path);
  };
  const stat = async (path: string) =>
    DIRECTORIES.has(nameOf(path)) ? statsOf('dir', 0) : statsOf('file', fileAt(path).length);
  const refuse = async (...paths: string[]): Promise<never> => {
    throw systemError('EROFS', paths.at(-1) ?? '');
  };
  return {
    promises: {
      readFile: async (path, options) => {
        const encoding = typeof options === 'string' ? options : options?.encoding;
        const bytes = fileAt(path);
        return encoding === undefined ? bytes : bytes.toString(encoding === 'utf8' ? 'utf8' : 'latin1');
      },
      readdir: async (path) => {
        const name = nameOf(path);
        if (!DIRECTORIES.has(name)) throw systemError('ENOENT', path);
        return name === '' ? ['HEAD', 'config', 'objects', 'packed-refs', 'refs'] : name === 'objects' ? ['pack'] : [];
      },
      stat,
      lstat: stat,
      readlink: async (path) => {
        throw systemError('EINVAL', path);
      },
      writeFile: refuse,
      mkdir: refuse,
      rmdir: refuse,
      unlink: refuse,
      symlink: refuse,
    },
  };
}

/** A path inside of the repository. @throws ENOENT for one outside of it. */
function nameOf(path: string): string {
  if (path === GIT_DIRECTORY) return '';
  if (typeof path !== 'string' || !path.startsWith(`${GIT_DIRECTORY}/`)) throw systemError('ENOENT', path);
  return path.slice(GIT_DIRECTORY.length + 1).replace(/\/$/, '');
}

function looseObject(store: ObjectSource, id: string, path: string): Buffer {
  try {
    const { kind, body } = store.read(id);
    const wrapped = Buffer.concat([Buffer.from(`${kind} ${body.length}\0`, 'latin1'), body]);
    // It is inflated at once: compressing it would be for nothing.
    return deflateSync(wrapped, { level: constants.Z_NO_COMPRESSION });
  } catch (error) {
    throw error instanceof MissingObject ? systemError('ENOENT', path) : error;
  }
}

function statsOf(type: 'file' | 'dir', size: number): FileStats {
  return {
    type,
    mode: type === 'dir' ? 0o40700 : 0o100600,
    size,
    ino: 0,
    mtimeMs: 0,
    ctimeMs: 0,
    isFile: () => type === 'file',
    isDirectory: () => type === 'dir',
    isSymbolicLink: () => false,
  };
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
