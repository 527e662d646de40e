/** Reads everything that a restore needs before it changes anything. */
import type { MaybeFile } from '../diff/file-state.ts';
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import { TamperedObject } from '../objects/store-errors.ts';
import type { RestorePlan } from './restore-plan.ts';

/** @throws MissingObject, TamperedObject */
export function verifyBlobs(source: ObjectSource, { writes }: Pick<RestorePlan, 'writes'>): void {
  readAll(
    source,
    writes.map(({ after }) => after),
  );
}

/**
 * Whether what it replaces and deletes can be brought back: a scan builds upon what was stored before, and does not read it.
 * @throws MissingObject, TamperedObject
 */
export function verifyWayBack(
  source: ObjectSource,
  { writes, deletes }: Pick<RestorePlan, 'writes' | 'deletes'>,
): void {
  readAll(
    source,
    [...writes, ...deletes].map(({ before }) => before),
  );
}

function readAll(source: ObjectSource, states: readonly MaybeFile[]): void {
  const ids = new Set(states.flatMap((state) => state?.id ?? []));
  for (const id of ids) readBlob(source, id);
}

/** @throws MissingObject, TamperedObject also for an object that is no content of a file. */
export function readBlob(source: ObjectSource, id: ObjectId): Buffer {
  const { kind, body } = source.read(id);
  if (kind !== 'blob') throw new TamperedObject(id, 'its snapshot', `it is a ${kind} in the place of a blob`);
  return body;
}
