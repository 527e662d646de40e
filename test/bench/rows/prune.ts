/** Giving back what only old snapshots need, beside native git. */
import { join } from 'node:path';
import { Child } from '../support/children.ts';
import { ratioFigure, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { diskAtRest } from '../support/rest.ts';
import { SourceTree } from '../support/source-tree.ts';
import type { SnapshotOrder, SnapshotReport } from '../roles/snapshots.ts';

const FILES = 10_000;
const TURNS = 100;
const KEPT = 50;
const EDITED = 30;
const DEADLINE_MS = 600_000;
const LIMIT = 0.5;
const SIZE_LIMIT = 2;

export const pruneRow: Row = {
  name: 'prune',
  title: 'Removing old snapshots',
  method:
    `${FILES.toLocaleString('en')} files and ${TURNS} snapshots with ${EDITED} changed files each, of which the newest ${KEPT} stay; then as many again. Native git deletes its refs, which is not counted, and runs \`gc --prune=now\`; ours drops the names, finds what is needed and copies it, encrypted, in slices between which other calls are answered. ` +
    'Disk is in blocks; after a rest, what the first snapshot stored in a hurry is compressed. Native git stores differences between versions, ours does not.',
  run: async () => {
    const tree = SourceTree.make(join(makeDirectory(), 'w'), FILES);
    const native = await Child.ready('snapshots', ['native', tree.root, makeDirectory()]);
    const ours = await Child.ready('snapshots', ['encrypted', tree.root, makeDirectory()]);
    const figures: Figure[] = [];
    try {
      for (const what of ['the first time', 'a second time']) {
        for (let turn = 0; turn < TURNS; turn += 1) {
          tree.edit(EDITED);
          await ask(native, { do: 'snapshot' });
          await ask(ours, { do: 'snapshot' });
        }
        const times = await both(native, ours, { do: 'prune', kept: KEPT });
        figures.push(ratioFigure(`removing the older ones ${what}`, ...times, { unit: 'ms', digits: 0, limit: LIMIT }));
        figures.push(sizeFigure(`on disk after ${what}`, await both(native, ours, { do: 'disk' })));
      }
      const rested: [number[], number[]] = [[await diskAtRest(ours)], [await ask(native, { do: 'disk' })]];
      figures.push(sizeFigure('on disk after a rest', rested, SIZE_LIMIT));
      return figures;
    } finally {
      await native.end();
      await ours.end();
    }
  },
};

/** @param bytes ours, then native git's. */
function sizeFigure(what: string, bytes: [number[], number[]], limit?: number): Figure {
  const [ours, theirs] = bytes.map((each) => each.map((value) => value / 2 ** 20));
  const budget = limit === undefined ? {} : { limit };
  return ratioFigure(what, ours ?? [], theirs ?? [], { unit: 'MB', digits: 1, ...budget });
}

/** @returns ours, then native git's. */
async function both(native: Child, ours: Child, order: SnapshotOrder): Promise<[number[], number[]]> {
  const theirs = await ask(native, order);
  return [[await ask(ours, order)], [theirs]];
}

async function ask(child: Child, order: SnapshotOrder): Promise<number> {
  return (await child.ask<SnapshotReport>(order, DEADLINE_MS)).value;
}
