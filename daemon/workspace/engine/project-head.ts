/** Where the project's own HEAD stands: read as plain files, so that a restore can say that it has moved. Never written. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const MAX_SMALL = 4096;
const MAX_PACKED_REFS = 16 * 1024 * 1024;
/** Directories above the workspace in which a repository is looked for. */
const MAX_UP = 64;

export interface ProjectHead {
  /** Name of the branch with `refs/heads/`; undefined when none is checked out. */
  readonly ref?: string;
  /** Undefined for a branch without a commit. */
  readonly commit?: string;
}

/** @returns undefined outside of a repository, and for one that cannot be read. */
export function projectHead(root: string): ProjectHead | undefined {
  const directory = gitDirectory(root);
  const head = directory === undefined ? undefined : readSmall(join(directory, 'HEAD'));
  if (directory === undefined || head === undefined) return undefined;
  const ref = /^ref: (\S+)\s*$/.exec(head)?.[1];
  if (ref === undefined) return commitIn(head);
  if (ref.split('/').includes('..')) return undefined;
  const common = resolve(directory, readSmall(join(directory, 'commondir'))?.trim() ?? '.');
  const loose = readSmall(join(directory, ref)) ?? readSmall(join(common, ref));
  const commit = loose === undefined ? packedCommit(join(common, 'packed-refs'), ref) : commitIn(loose)?.commit;
  return commit === undefined ? { ref } : { ref, commit };
}

export function sameHead(left: ProjectHead | undefined, right: ProjectHead | undefined): boolean {
  return left?.ref === right?.ref && left?.commit === right?.commit;
}

/** For a person: `main at 1234567`. */
export function describeHead(head: ProjectHead | undefined): string {
  if (head === undefined) return 'no repository';
  const branch = head.ref?.replace(/^refs\/heads\//, '') ?? 'no branch';
  return `${branch} at ${head.commit?.slice(0, 7) ?? 'no commit'}`;
}

function gitDirectory(root: string): string | undefined {
  let directory = root;
  for (let up = 0; up < MAX_UP; up += 1) {
    const path = join(directory, '.git');
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) return path;
    if (stat?.isFile() === true) {
      const target = /^gitdir: (.+?)\s*$/.exec(readSmall(path) ?? '')?.[1];
      return target === undefined ? undefined : resolve(directory, target);
    }
    const above = dirname(directory);
    if (above === directory) return undefined;
    directory = above;
  }
  return undefined;
}

function commitIn(text: string): ProjectHead | undefined {
  const commit = /^([0-9a-f]{40}|[0-9a-f]{64})\s*$/.exec(text)?.[1];
  return commit === undefined ? undefined : { commit };
}

function packedCommit(path: string, ref: string): string | undefined {
  const line = readBounded(path, MAX_PACKED_REFS)
    ?.split('\n')
    .find((text) => text.endsWith(` ${ref}`));
  return line === undefined ? undefined : commitIn(line.slice(0, -ref.length - 1))?.commit;
}

function readSmall(path: string): string | undefined {
  return readBounded(path, MAX_SMALL);
}

/** @returns undefined for what is not there, no plain file, too long, or not to be read. */
function readBounded(path: string, limit: number): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > limit) return undefined;
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0));
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}
