/** What a directory amounts to with all that is below it. Nodes never change, so it is added up once for each. */
import { hash } from 'node:crypto';
import type { DirectoryNode } from './directory-node.ts';
import { isLinked, sizeIn, writtenIn } from './stamp.ts';

export interface Gist {
  /** Captured files and symbolic links, and the bytes in them. */
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
  /** What is not captured as it is. */
  readonly skipped: number;
  /** Another one when other rules decided. Empty where there are none. */
  readonly rules: string;
  /** Its own entries have to be looked at each time: no watch need tell of what becomes of them. */
  readonly isUntold: boolean;
  /** When one of its own files was last written, milliseconds since the epoch; infinite where that is not trusted. */
  readonly lastWrite: number;
  /** It, or something below, has to be looked into each time. */
  readonly isRestless: boolean;
}

const gists = new WeakMap<DirectoryNode, Gist>();

/** @param node with a tree: a draft amounts to nothing yet. */
export function gistOf(node: DirectoryNode): Gist {
  const known = gists.get(node);
  if (known !== undefined) return known;
  const gist = sum(node);
  gists.set(node, gist);
  return gist;
}

/** What is written through another name of a file is told elsewhere, or nowhere; so is what lets a file be read again. */
function isUntold({ names, stamps, skips, refusal }: DirectoryNode): boolean {
  if (refusal !== undefined) return true;
  for (const reason of skips?.values() ?? []) if (reason === 'unreadable' || reason === 'changing') return true;
  for (let index = 0; index < names.length; index += 1) if (isLinked(stamps, index)) return true;
  return false;
}

function lastWrite({ names, stamps }: DirectoryNode): number {
  let last = 0;
  for (let index = 0; index < names.length; index += 1) {
    const written = writtenIn(stamps, index);
    // Nothing compares with what is not a number.
    if (!(written <= last)) last = Number.isNaN(written) ? Infinity : written;
  }
  return last;
}

/** Captured files in the directory itself. */
export function ownFiles({ names, ids, stamps }: DirectoryNode): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (let index = 0; index < names.length; index += 1) {
    if (ids[index] === '') continue;
    files += 1;
    bytes += sizeIn(stamps, index);
  }
  return { files, bytes };
}

function sum(node: DirectoryNode): Gist {
  let { files, bytes } = ownFiles(node);
  let directories = 1;
  let skipped = (node.refusal === undefined ? 0 : 1) + (node.skips?.size ?? 0);
  const untold = isUntold(node);
  // A repository's index and its excludes are in no directory that is watched.
  let isRestless = untold || node.isRepository;
  const rules = node.ruleText !== undefined || node.isRepository ? [node.rulesKey] : [];
  for (const [index, child] of node.children.entries()) {
    const below = gistOf(child);
    files += below.files;
    bytes += below.bytes;
    directories += below.directories;
    skipped += below.skipped;
    isRestless ||= below.isRestless;
    if (below.rules !== '') rules.push(`${node.childNames[index] ?? ''}\0${below.rules}`);
  }
  return {
    files,
    bytes,
    directories,
    skipped,
    rules: rules.length === 0 ? '' : digest(rules),
    isUntold: untold,
    lastWrite: lastWrite(node),
    isRestless,
  };
}

function digest(texts: readonly string[]): string {
  return hash('sha1', Buffer.from(texts.join('\0\0'), 'latin1'), 'hex');
}
