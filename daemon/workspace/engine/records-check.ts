/** Whether what a name stands for is what the name says. */
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ObjectSource } from '../objects/object.ts';
import type { Ref } from '../objects/ref-store.ts';
import { isDamage } from '../objects/store-errors.ts';
import { CUT_OFF, NEWEST, pointOf } from './names.ts';
import { readRecord, type Record } from './records.ts';

const KINDS: Readonly<{ [first: string]: Record['kind'] | undefined }> = {
  call: 'changes',
  turn: 'changes',
  restore: 'restore',
};

/** @returns a sentence; undefined when nothing is wrong with it. */
export function recordFault(source: ObjectSource, { name, id }: Ref): string | undefined {
  const [first = ''] = name.split('/');
  // Any commit will do for these: only its files count.
  if (first === CUT_OFF) return undefined;
  const kind = pointOf(name) !== undefined || name === NEWEST ? 'snapshot' : KINDS[first];
  if (kind === undefined) return 'm gives no such name';
  try {
    readRecord(source, id, kind);
    return undefined;
  } catch (error) {
    if (isDamage(error)) return 'it is not the record that its name promises';
    if (error instanceof ProtocolError) return error.message;
    if (error instanceof SyntaxError || error instanceof TypeError)
      return 'what is said about the files is no text of m';
    throw error;
  }
}
