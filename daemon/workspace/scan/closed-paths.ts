/**
 * Paths that fewer may read than may enter the workspace: a git tree does not know that, and a key file that comes back
 * is not to be open to everybody.
 */
import type { ByteText } from '../byte-text.ts';
import type { DirectoryNode } from './directory-node.ts';
import { SYMLINK } from '../objects/tree-format.ts';
import type { Closed } from './scan-result.ts';
import { modeIn } from './stamp.ts';

const GROUP = 0o070;
const OTHERS = 0o007;
const READ = 0o044;
const ENTER = 0o011;
/** Beyond so many, everything is taken for closed. */
const MOST = 1_000;

/** What is denied to somebody by single files or directories below, not by the directory itself. */
const below = new WeakMap<DirectoryNode, number>();

/** @param root with a tree. */
export function closedPaths(root: DirectoryNode): Closed[] {
  const closed: Closed[] = [];
  const granted = (GROUP | OTHERS) & ~deniedBy(modeIn(root.stamp, 0), ENTER);
  collect(root, '', granted, closed);
  return closed.length <= MOST ? closed : [['', deniedBelow(root) & granted]];
}

/** @returns what is denied of a path, bits of 0o077. */
export function deniedOf(closed: readonly Closed[]): (path: ByteText) => number {
  const known = new Map(closed);
  return (path) => {
    let denied = (known.get('') ?? 0) | (known.get(path) ?? 0);
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      denied |= known.get(path.slice(0, end)) ?? 0;
    }
    return denied;
  };
}

/** @param granted to whom everything above is open. */
function collect(node: DirectoryNode, path: ByteText, granted: number, closed: Closed[]): void {
  if ((deniedBelow(node) & granted) === 0 || closed.length > MOST) return;
  const prefix = path === '' ? '' : `${path}/`;
  for (const [index, name] of node.names.entries()) {
    const denied = deniedByFile(node, index) & granted;
    if (denied !== 0) closed.push([prefix + name, denied]);
  }
  for (const [index, child] of node.children.entries()) {
    const name = prefix + (node.childNames[index] ?? '');
    const denied = deniedBy(modeIn(child.stamp, 0), ENTER) & granted;
    if (denied !== 0) closed.push([name, denied]);
    collect(child, name, granted & ~denied, closed);
  }
}

function deniedBelow(node: DirectoryNode): number {
  const known = below.get(node);
  if (known !== undefined) return known;
  let denied = 0;
  for (let index = 0; index < node.names.length; index += 1) denied |= deniedByFile(node, index);
  for (const child of node.children) denied |= deniedBy(modeIn(child.stamp, 0), ENTER) | deniedBelow(child);
  below.set(node, denied);
  return denied;
}

function deniedByFile({ ids, modes, stamps }: DirectoryNode, index: number): number {
  if (ids[index] === '' || modes[index] === SYMLINK) return 0;
  return deniedBy(modeIn(stamps, index), READ);
}

/** @param needed one bit for the group and one for others. */
function deniedBy(mode: number, needed: number): number {
  const missing = needed & ~mode;
  return ((missing & GROUP) === 0 ? 0 : GROUP) | ((missing & OTHERS) === 0 ? 0 : OTHERS);
}
