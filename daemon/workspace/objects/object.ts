/** Git objects as every room of the workspace thread sees them: ids, kinds, and where they come from and go to. */
import { createHash } from 'node:crypto';

/** 40 lower-case hexadecimal digits: SHA-1 over header and body, as git computes it. */
export type ObjectId = string;

/** What a side repository holds. It has no tags. */
export type ObjectKind = 'blob' | 'tree' | 'commit';

export interface GitObject {
  readonly kind: ObjectKind;
  readonly body: Buffer;
}

/** Where objects are read. */
export interface ObjectSource {
  has(id: ObjectId): boolean;
  /** @throws MissingObject, or TamperedObject when the bytes are not those that were written. */
  read(id: ObjectId): GitObject;
}

/** Where a snapshot puts its objects. Nothing of it is there for others before the whole is committed. */
export interface ObjectSink {
  /** True also of what this sink was given. */
  has(id: ObjectId): boolean;
  /**
   * An object that is there already costs its id only.
   * @param body of a blob: whoever gave it may use its bytes for something else afterwards.
   */
  write(kind: ObjectKind, body: Buffer): ObjectId;
}

/** The tree without entries, which every git knows. */
export const EMPTY_TREE: ObjectId = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

export function idOf(kind: ObjectKind, body: Buffer): ObjectId {
  return createHash('sha1').update(`${kind} ${body.length}\0`, 'latin1').update(body).digest('hex');
}
