/** Reads everything that a restore needs before it changes anything. */
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import { TamperedObject } from '../objects/store-errors.ts';
import type { PlannedWrite } from './restore-plan.ts';

/** @throws MissingObject, TamperedObject */
export function verifyBlobs(source: ObjectSource, writes: readonly Pick<PlannedWrite, 'after'>[]): void {
  const checked = new Set<ObjectId>();
  for (const { after } of writes) {
    if (checked.has(after.id)) continue;
    checked.add(after.id);
    readBlob(source, after.id);
  }
}

/** @throws MissingObject, TamperedObject also for an object that is no content of a file. */
export function readBlob(source: ObjectSource, id: ObjectId): Buffer {
  const { kind, body } = source.read(id);
  if (kind !== 'blob') throw new TamperedObject(id, 'its snapshot', `it is a ${kind} in the place of a blob`);
  return body;
}
