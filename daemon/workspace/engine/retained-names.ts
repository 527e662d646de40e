/** The names of a side repository as the rules see them that decide what is too old. */
import type { RetainedKind, RetainedName } from '../../domain/snapshot-retention.ts';
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import { readCommit } from '../objects/object-walk.ts';
import { MissingObject, TamperedObject } from '../objects/store-errors.ts';
import type { SideRepository } from './side-repository.ts';

/** By how names begin. What is not here is never too old: a command that runs, the newest snapshot. */
const KINDS: Readonly<Record<string, RetainedKind>> = {
  snap: 'snap',
  call: 'call',
  turn: 'call',
  restore: 'restore',
  taken: 'taken',
};

/** Reads the time of every commit. What cannot be read is as old as what came before it. */
export function retainedNames({ store, refs }: Pick<SideRepository, 'store' | 'refs'>): readonly RetainedName[] {
  return refs.list().flatMap(({ name, id }): readonly RetainedName[] => {
    const [begin = '', owner, number = ''] = name.split('/');
    const kind = KINDS[begin];
    if (kind === undefined) return [];
    const at = timeOf(store, id);
    if (kind === 'taken') return [{ name, kind, session: undefined, number: 0, at }];
    return [{ name, kind, session: owner, number: Number.parseInt(number, 10), at }];
  });
}

function timeOf(source: ObjectSource, id: ObjectId): number {
  try {
    return readCommit(source, id).at * 1000;
  } catch (error) {
    if (error instanceof MissingObject || error instanceof TamperedObject) return Infinity;
    throw error;
  }
}
