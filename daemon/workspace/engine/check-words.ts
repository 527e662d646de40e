/** What a check has found, in words. */
import type { ResultOf } from '../../../protocol/methods.ts';
import { toWirePath } from '../byte-text.ts';
import type { CheckReport, PackFault } from '../check/check-stored.ts';
import type { HurtName } from '../check/hurt-names.ts';
import { RefStore } from '../objects/ref-store.ts';
import { TamperedRefs } from '../objects/store-errors.ts';
import { TamperedJournal } from '../restore/restore-journal.ts';
import { CUT_OFF, describePoint, numberOf, pointOf } from './names.ts';
import type { SideRepository } from './side-repository.ts';

type Hurt = ResultOf<'snapshot/verify'>['hurt'][number];

/** Of the files beside the packs, as they are on the disk now. What only helps to be quick is not looked at. */
export function besideFaults(side: SideRepository): string[] {
  const { store } = side;
  const removal = store.damage().find(({ pack }) => pack === 'removal')?.reason;
  const hidden = store.hiddenFault();
  const faults = [
    faultOfNames(side),
    hidden === undefined
      ? undefined
      : `the list of what nobody needs any more (the file hidden) is damaged or gone (${hidden}): \`mctl snapshots prune\` makes a new one`,
    removal === undefined
      ? undefined
      : `the list of packs that were being removed (the file removal) is damaged (${removal}): they stay until that file is deleted`,
    faultOfJournal(side),
  ];
  return faults.filter((fault) => fault !== undefined);
}

export function packFaultText({ pack, objects, reason }: PackFault): string {
  if (objects === undefined) return `pack ${pack} cannot be opened: ${reason}`;
  if (objects.bad === 0) return `the list at the end of pack ${pack} does not verify: ${reason}`;
  return `${objects.bad} of ${objects.all} objects in pack ${pack} cannot be read: ${reason}`;
}

/** What only the second reader finds. */
export function refusals({ complaint, strangeName }: CheckReport): string[] {
  const faults = [
    complaint === undefined ? undefined : `isomorphic-git does not read all of what m reads: ${complaint}`,
    strangeName === undefined ? undefined : `isomorphic-git does not find the name ${strangeName} as m does`,
  ];
  return faults.filter((fault) => fault !== undefined);
}

/** @param isReadable by us: only the other reader is of another opinion. */
export function shownHurt({ name, reason, paths, count }: HurtName, isReadable: boolean): Hurt {
  const point = pointOf(name);
  const sessionId = point === undefined ? (name.split('/')[1] ?? null) : (point.sessionId ?? null);
  return {
    sessionId,
    point: point?.point ?? null,
    what: point === undefined ? recordText(name) : describePoint(point),
    isReadable,
    reason: reason ?? '',
    files: paths.map(toWirePath),
    filesInAll: count,
  };
}

function recordText(name: string): string {
  const [kind = '', , turn = ''] = name.split('/');
  if (kind === 'turn') return `what turn ${turn} changed (going back past it takes --all)`;
  if (kind === 'call') return `what a call of turn ${turn} changed (going back past it takes --all)`;
  if (kind === 'restore') return `what restore ${numberOf(name)} did, and the files before it (it cannot be undone)`;
  return kind === CUT_OFF ? `the files before a command of turn ${turn} that was cut off` : `the name ${name}`;
}

/** The list that m works with is in memory, and is written anew whenever it changes. */
function faultOfNames(side: SideRepository): string | undefined {
  if (side.isListLost) {
    return 'the list of snapshots (the file refs) is gone, so nobody knows what of the rest is needed: put it back from a backup';
  }
  const what = 'the list of snapshots (the file refs) on the disk';
  const remedy = 'm still has it in memory and writes it anew with the next snapshot: mctl snapshots take';
  try {
    const there = RefStore.open(side.directory, side.key);
    return isSame(there, side.refs) ? undefined : `${what} is another one than m works with; ${remedy}`;
  } catch (error) {
    if (error instanceof TamperedRefs) return `${what} is damaged; ${remedy}`;
    throw error;
  }
}

function isSame(one: RefStore, other: RefStore): boolean {
  const lines = (refs: RefStore): string =>
    refs
      .list()
      .map(({ name, id }) => `${id} ${name}`)
      .join();
  return one.version === other.version && lines(one) === lines(other);
}

function faultOfJournal({ journal }: SideRepository): string | undefined {
  try {
    journal.read();
    return undefined;
  } catch (error) {
    if (error instanceof TamperedJournal) return error.message;
    throw error;
  }
}
