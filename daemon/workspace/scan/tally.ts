/** What a scan has found, added up. */
import { hash } from 'node:crypto';
import type { ByteText } from '../byte-text.ts';
import type { DirectoryNode } from './directory-node.ts';
import { gistOf } from './gist.ts';
import { MAX_SKIPPED, type Skipped } from './scan-result.ts';
import { sizeIn } from './stamp.ts';

export interface Tally {
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
  readonly skipped: readonly Skipped[];
  readonly skippedInAll: number;
  readonly rulesHash: string;
}

/** @param outerKey what is said outside of the workspace. */
export function tally(root: DirectoryNode, outerKey: string): Tally {
  const { files, bytes, directories, skipped: skippedInAll, rules } = gistOf(root);
  const skipped: Skipped[] = [];
  collect(root, '', skipped);
  skipped.sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  return { files, bytes, directories, skipped, skippedInAll, rulesHash: hash('sha1', `${outerKey}\0${rules}`, 'hex') };
}

function collect(node: DirectoryNode, path: ByteText, skipped: Skipped[]): void {
  if (gistOf(node).skipped === 0) return;
  const skip = (entry: Skipped) => {
    if (skipped.length < MAX_SKIPPED) skipped.push(entry);
  };
  if (node.refusal !== undefined) skip({ path, reason: node.refusal });
  for (const [name, reason] of node.skips ?? []) {
    const bytes = reason === 'too-large' ? { bytes: sizeIn(node.stamps, node.names.indexOf(name)) } : {};
    skip({ path: below(path, name), reason, ...bytes });
  }
  for (const [index, child] of node.children.entries())
    collect(child, below(path, node.childNames[index] ?? ''), skipped);
}

function below(path: ByteText, name: ByteText): ByteText {
  return path === '' ? name : `${path}/${name}`;
}
