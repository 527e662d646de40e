/** What a scan has found, added up. */
import { createHash } from 'node:crypto';
import type { ByteText } from '../byte-text.ts';
import type { DirectoryNode } from './directory-node.ts';
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
  const rules = createHash('sha1').update(outerKey);
  const skipped: Skipped[] = [];
  const sums = { files: 0, bytes: 0, directories: 0, skippedInAll: 0 };
  const skip = (entry: Skipped) => {
    sums.skippedInAll += 1;
    if (skipped.length < MAX_SKIPPED) skipped.push(entry);
  };
  const add = (node: DirectoryNode, path: ByteText): void => {
    sums.directories += 1;
    if (node.ruleText !== undefined || node.isRepository) rules.update(`${path}\0${node.rulesKey}\0`, 'latin1');
    for (let index = 0; index < node.names.length; index += 1) {
      if (node.ids[index] === '') continue;
      sums.files += 1;
      sums.bytes += sizeIn(node.stamps, index);
    }
    if (node.refusal !== undefined) skip({ path, reason: node.refusal });
    for (const [name, reason] of node.skips ?? []) {
      const bytes = reason === 'too-large' ? { bytes: sizeIn(node.stamps, node.names.indexOf(name)) } : {};
      skip({ path: below(path, name), reason, ...bytes });
    }
    for (const [index, child] of node.children.entries()) add(child, below(path, node.childNames[index] ?? ''));
  };
  add(root, '');
  skipped.sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  return { ...sums, skipped, rulesHash: rules.digest('hex') };
}

function below(path: ByteText, name: ByteText): ByteText {
  return path === '' ? name : `${path}/${name}`;
}
