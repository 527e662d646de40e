/** Objects in memory, and trees of them from and to plain maps of paths. */
import {
  type GitObject,
  idOf,
  type ObjectId,
  type ObjectKind,
  type ObjectSink,
  type ObjectSource,
} from '../../../../daemon/workspace/objects/object.ts';
import { MissingObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import {
  decodeTree,
  DIRECTORY,
  encodeTree,
  type TreeEntry,
  type TreeMode,
} from '../../../../daemon/workspace/objects/tree-format.ts';

/** A file: its content as one character a byte. */
export interface SampleFile {
  readonly mode: TreeMode;
  readonly content: string;
}

/** By path, one character a byte. */
export type SampleFiles = ReadonlyMap<string, SampleFile>;

export class MemoryObjects implements ObjectSource, ObjectSink {
  readonly objects = new Map<ObjectId, GitObject>();
  /** Ids in the order in which they were read. */
  readonly reads: ObjectId[] = [];

  has(id: ObjectId): boolean {
    return this.objects.has(id);
  }

  read(id: ObjectId): GitObject {
    this.reads.push(id);
    const object = this.objects.get(id);
    if (object === undefined) throw new MissingObject(id, 0);
    return object;
  }

  write(kind: ObjectKind, body: Buffer): ObjectId {
    const id = idOf(kind, body);
    this.objects.set(id, { kind, body: Buffer.from(body) });
    return id;
  }

  tree(files: SampleFiles): ObjectId {
    const entries: TreeEntry[] = [];
    const below = new Map<string, Map<string, SampleFile>>();
    for (const [path, file] of files) {
      const slash = path.indexOf('/');
      if (slash < 0) {
        const id = this.write('blob', Buffer.from(file.content, 'latin1'));
        entries.push({ name: path, mode: file.mode, id });
      } else {
        const name = path.slice(0, slash);
        const inside = below.get(name) ?? new Map<string, SampleFile>();
        below.set(name, inside.set(path.slice(slash + 1), file));
      }
    }
    for (const [name, inside] of below) entries.push({ name, mode: DIRECTORY, id: this.tree(inside) });
    return this.write('tree', encodeTree(entries));
  }

  filesOf(tree: ObjectId, prefix = '', found = new Map<string, SampleFile>()): Map<string, SampleFile> {
    for (const { name, mode, id } of decodeTree(this.objects.get(tree)?.body ?? Buffer.alloc(0))) {
      if (mode === DIRECTORY) this.filesOf(id, `${prefix}${name}/`, found);
      else found.set(prefix + name, { mode, content: this.read(id).body.toString('latin1') });
    }
    return found;
  }
}
