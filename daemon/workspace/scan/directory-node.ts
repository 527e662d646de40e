/** What is known of one directory between two scans. */
import type { ByteText } from '../byte-text.ts';
import { EMPTY_TREE, type ObjectId } from '../objects/object.ts';
import type { TreeMode } from '../objects/tree-format.ts';
import type { SkipReason } from './scan-result.ts';
import { distrust, STAMP } from './stamp.ts';

/** An ignore file as it was read. */
export interface RuleText {
  readonly stamp: Float64Array;
  readonly text: string;
}

/**
 * A node with a tree never changes again, so that a scan that fails leaves what was known before as it was. Until then it
 * is a draft, made by the survey and completed by the tree writer.
 */
export interface DirectoryNode {
  /** Of the directory itself; when it still fits, so do the names. */
  readonly stamp: Float64Array;
  /** What decided which names are in, see `rulesKey`. */
  readonly rulesKey: string;
  /** A rule speaks against some name: the user's index decides whether it is in. */
  readonly hides: boolean;
  /** Left out by a rule, and looked into only for what is in the user's index. */
  readonly isClosed: boolean;
  /** Holds a `.git`. */
  readonly isRepository: boolean;
  readonly ruleText: RuleText | undefined;
  /** The system refused to list it; the rest is what was last known. */
  readonly refusal: SkipReason | undefined;
  /** Files, symbolic links and what is skipped, in order of their bytes. The next three belong to them, by index. */
  readonly names: readonly ByteText[];
  readonly stamps: Float64Array;
  /** Empty where nothing is captured. */
  readonly ids: ObjectId[];
  readonly modes: TreeMode[];
  /** By name; mostly there are none. */
  skips: ReadonlyMap<ByteText, SkipReason> | undefined;
  readonly childNames: readonly ByteText[];
  readonly children: readonly DirectoryNode[];
  /** Empty in a draft. The empty tree when nothing is captured in it: then the parent leaves it out. */
  tree: ObjectId;
}

/** What is still to be done for a draft. */
export interface Draft {
  readonly before: DirectoryNode | undefined;
  /** Indices of entries whose content has to be read. */
  readonly pending: readonly number[];
  /** Its entries are others than before. */
  readonly isAltered: boolean;
}

/** A directory that was never seen from inside. */
export function unknownDirectory(refusal: SkipReason): DirectoryNode {
  return {
    stamp: untrustedStamp(),
    rulesKey: '',
    hides: false,
    isClosed: false,
    isRepository: false,
    ruleText: undefined,
    refusal,
    names: [],
    stamps: new Float64Array(0),
    ids: [],
    modes: [],
    skips: undefined,
    childNames: [],
    children: [],
    tree: EMPTY_TREE,
  };
}

export function untrustedStamp(): Float64Array {
  const stamp = new Float64Array(STAMP);
  distrust(stamp, 0);
  return stamp;
}
