/** Reads everything that a restore needs before it changes anything. */
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import type { PlannedWrite } from './restore-plan.ts';

/** @throws what the source throws for content that is missing or damaged; RangeError for content of another kind. */
export function verifyBlobs(source: ObjectSource, writes: readonly Pick<PlannedWrite, 'after'>[]): void {
  const checked = new Set<ObjectId>();
  for (const { after } of writes) {
    if (checked.has(after.id)) continue;
    checked.add(after.id);
    readBlob(source, after.id);
  }
}

/** @throws as `verifyBlobs`. */
export function readBlob(source: ObjectSource, id: ObjectId): Buffer {
  const { kind, body } = source.read(id);
  if (kind !== 'blob') throw new RangeError(`object ${id} is a ${kind} where the content of a file has to be`);
  return body;
}
