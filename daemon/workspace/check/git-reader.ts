/**
 * A second reader of what is stored, written by others: isomorphic-git, over a file system that decrypts. It inflates,
 * hashes and parses by itself, so that a mistake of ours that reads back what it wrote is found. Slow to load and to use
 * (0.15 ms an object): it is imported late, and only to check.
 */
import { decodeCommit } from '../objects/commit-format.ts';
import { GIT_DIRECTORY, gitFileSystem, REF_PREFIX, type GitFileSystem } from '../objects/git-file-system.ts';
import type { GitObject, ObjectId, ObjectKind, ObjectSource } from '../objects/object.ts';
import type { Ref } from '../objects/ref-store.ts';
import { decodeTree } from '../objects/tree-format.ts';

/** Names that it reads in one go: each costs it a look at all of them. */
const NAMES_AT_ONCE = 100;
/** It takes no tree with a name that is unsafe on some system, a backslash in it, say; here each is what its bytes are. */
const UNSAFE_NAME = 'UnsafeFilepathError';

type Library = typeof import('./git-library.ts');

interface Repository {
  readonly fs: GitFileSystem;
  readonly gitdir: string;
}

export class GitReader {
  readonly #git: Library;
  readonly #source: OnceRead;
  readonly #repository: Repository;
  #halfRead = 0;

  private constructor(git: Library, source: ObjectSource) {
    this.#git = git;
    this.#source = new OnceRead(source);
    this.#repository = { fs: gitFileSystem(this.#source, { list: () => [] }), gitdir: GIT_DIRECTORY };
  }

  static async over(source: ObjectSource): Promise<GitReader> {
    return new GitReader(await import('./git-library.ts'), source);
  }

  /** Directories that it has read but whose names it does not take. */
  get halfRead(): number {
    return this.#halfRead;
  }

  /**
   * Reads an object that has just been read.
   * @param wanted what it has to be where it was found.
   * @param ours what it holds.
   * @returns what is wrong with it for git, undefined when nothing is.
   */
  async complaint(id: ObjectId, wanted: ObjectKind, ours: GitObject): Promise<string | undefined> {
    this.#source.keep(id, ours);
    try {
      if (wanted === 'commit') return await this.#commit(id, ours);
      return await (wanted === 'tree' ? this.#tree(id, ours) : this.#blob(id, ours));
    } catch (error) {
      return wordsOf(error);
    } finally {
      this.#source.forget();
    }
  }

  /** @returns the first of these names that it reads as another object or not at all; undefined when there is none. */
  async *strangeName(refs: readonly Ref[]): AsyncGenerator<void, string | undefined> {
    for (let at = 0; at < refs.length; at += NAMES_AT_ONCE) {
      const some = refs.slice(at, at + NAMES_AT_ONCE);
      const repository = { ...this.#repository, fs: gitFileSystem(this.#source, { list: () => some }) };
      const listed = new Set(await this.#git.listRefs({ ...repository, filepath: REF_PREFIX.slice(0, -1) }));
      for (const { name, id } of some) {
        if (!listed.has(name) || (await this.#resolved(repository, name)) !== id) return name;
      }
      yield;
    }
    return undefined;
  }

  async #commit(id: ObjectId, ours: GitObject): Promise<string | undefined> {
    const { oid, commit } = await this.#git.readCommit({ ...this.#repository, oid: id });
    if (oid !== id || commit.parent.length > 0) return 'it is no commit of a snapshot';
    return commit.tree === decodeCommit(ours.body).tree ? undefined : 'it leads to another tree';
  }

  async #tree(id: ObjectId, ours: GitObject): Promise<string | undefined> {
    try {
      const { oid, tree } = await this.#git.readTree({ ...this.#repository, oid: id });
      if (oid !== id || ours.kind !== 'tree') return `it is a ${ours.kind} in the place of a tree`;
      const theirs = tree.map((entry) => `${Number.parseInt(entry.mode, 8)} ${entry.oid}`);
      const own = decodeTree(ours.body).map((entry) => `${entry.mode} ${entry.id}`);
      return theirs.toSorted().join() === own.toSorted().join() ? undefined : 'it holds other files';
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === UNSAFE_NAME)) throw error;
      this.#halfRead += 1;
      const { object } = await this.#git.readObject({ ...this.#repository, oid: id, format: 'content' });
      return isSame(object, ours.body) ? undefined : 'it holds other bytes';
    }
  }

  async #blob(id: ObjectId, ours: GitObject): Promise<string | undefined> {
    const { blob } = await this.#git.readBlob({ ...this.#repository, oid: id });
    return isSame(blob, ours.body) ? undefined : 'it holds other bytes';
  }

  /** @returns undefined for a name that it does not find. */
  async #resolved(repository: Repository, name: string): Promise<string | undefined> {
    try {
      return await this.#git.resolveRef({ ...repository, ref: `${REF_PREFIX}${name}` });
    } catch {
      return undefined;
    }
  }
}

/** What one reader has just read the other one need not decrypt again. */
class OnceRead implements ObjectSource {
  readonly #source: ObjectSource;
  #kept: { readonly id: ObjectId; readonly object: GitObject } | undefined;

  constructor(source: ObjectSource) {
    this.#source = source;
  }

  keep(id: ObjectId, object: GitObject): void {
    this.#kept = { id, object };
  }

  forget(): void {
    this.#kept = undefined;
  }

  has(id: ObjectId): boolean {
    return this.#source.has(id);
  }

  read(id: ObjectId): GitObject {
    return this.#kept?.id === id ? this.#kept.object : this.#source.read(id);
  }
}

function isSame(theirs: unknown, ours: Buffer): boolean {
  return theirs instanceof Uint8Array && ours.equals(theirs);
}

/** Some errors of the library say much to developers; what they are about is beside that. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const data: unknown = 'data' in error ? error.data : undefined;
  const isSaid = typeof data === 'object' && data !== null && 'message' in data && typeof data.message === 'string';
  return isSaid ? String(data.message) : error.message;
}
