/** Objects in memory, each with the id that git gives it. */
import {
  idOf,
  type GitObject,
  type ObjectId,
  type ObjectSink,
  type ObjectSource,
} from '../../../../../daemon/workspace/objects/object.ts';

export class MemoryStore implements ObjectSink, ObjectSource {
  readonly objects = new Map<ObjectId, GitObject>();
  writes = 0;

  has(id: ObjectId): boolean {
    return this.objects.has(id);
  }

  read(id: ObjectId): GitObject {
    const object = this.objects.get(id);
    if (object === undefined) throw new Error(`there is no object ${id}`);
    return object;
  }

  write(kind: GitObject['kind'], body: Buffer): ObjectId {
    this.writes += 1;
    const id = idOf(kind, body);
    this.objects.set(id, { kind, body: Buffer.from(body) });
    return id;
  }
}
