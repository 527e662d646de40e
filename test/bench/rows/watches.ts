/** Snapshots of a large workspace whose directories are watched, beside native git, and what watching costs. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { SnapshotOrder, SnapshotReport } from '../roles/snapshots.ts';
import { Child } from '../support/children.ts';
import { limitFigure, megabytes, ratioFigure, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { SourceTree } from '../support/source-tree.ts';

const FILES = 100_000;
const ROUNDS = 7;
/** Files changed, and the budget of research/snapshots.md §9 as a ratio to native git. */
const CASES = [
  { changed: 0, what: 'nothing changed', limit: 0.02 },
  { changed: 1, what: '1 file changed', limit: 0.03 },
  { changed: 100, what: '100 files changed', limit: 0.25 },
] as const;
/** Milliseconds that a snapshot of nothing new may take. */
const AT_MOST = 10;
/** Milliseconds after which an idle thread has looked again, and those that idling is measured for. */
const SETTLING = 5_000;
const IDLING = 10_000;

export const watchesRow: Row = {
  name: 'watches',
  title: 'Snapshots of a watched workspace',
  method:
    'The 100,000 files of the snapshots, in 8,300 directories, `snapshots_watch` on, encrypted. Native git does what it does there. ' +
    'By the library for macOS it is a scan that stores nothing, beside one of everything that does. ' +
    'What idling costs is CPU time in ten seconds in which nothing happens, and memory and descriptors beyond those of a process that has done the same without watches.',
  run: async () => {
    if (process.platform !== 'linux') return [];
    const tree = SourceTree.make(join(makeDirectory(), 'w'), FILES);
    const names = ['native', 'watched', 'encrypted'] as const;
    const [native, watched, scanned] = await Promise.all(
      names.map((who) => Child.ready('snapshots', [who, tree.root, makeDirectory()])),
    );
    if (native === undefined || watched === undefined || scanned === undefined) return [];
    try {
      // The first two are of everything; the watches are set between them.
      for (const child of [native, watched, watched, scanned, scanned]) await ask(child, 'snapshot');
      await setTimeout(SETTLING);
      const figures: Figure[] = [];
      for (const one of CASES) figures.push(...(await changeFigures(tree, native, watched, one)));
      figures.push(...(await idleFigures(watched, scanned)), await libraryFigure(tree, scanned));
      return figures;
    } finally {
      for (const child of [native, watched, scanned]) await child.end();
    }
  },
};

async function changeFigures(
  tree: SourceTree,
  native: Child,
  watched: Child,
  { changed, what, limit }: (typeof CASES)[number],
): Promise<Figure[]> {
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    tree.edit(changed);
    const order = round % 2 === 0 ? [native, watched] : [watched, native];
    for (const child of order) (child === native ? theirs : mine).push(await ask(child, 'snapshot'));
  }
  const figures = [ratioFigure(`100,000 files, ${what}`, mine, theirs, { unit: 'ms', digits: 1, limit })];
  if (changed > 0) return figures;
  return [...figures, limitFigure(`100,000 files, ${what}, by itself`, mine, { unit: 'ms', limit: AT_MOST })];
}

async function idleFigures(watched: Child, scanned: Child): Promise<Figure[]> {
  await setTimeout(SETTLING);
  const before = await ask(watched, 'cpu');
  await setTimeout(IDLING);
  const cpu = (await ask(watched, 'cpu')) - before;
  const more = async (what: 'resident' | 'descriptors') => (await ask(watched, what)) - (await ask(scanned, what));
  const memory = (await more('resident')) / 2 ** 20;
  const descriptors = await more('descriptors');
  return [
    { what: 'watching 100,000 files, idle: CPU time in ten seconds', measured: `${cpu.toFixed(1)} ms` },
    megabytes('watching 100,000 files: memory', memory),
    { what: 'watching 100,000 files: descriptors', measured: `${descriptors}` },
  ];
}

/** What an answer of the library costs, and a look at every directory, beside a look at everything. */
async function libraryFigure(tree: SourceTree, scanned: Child): Promise<Figure> {
  const streams = await Child.ready('stream-scans', [tree.root, makeDirectory()]);
  try {
    const mine: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      tree.edit(1);
      for (const child of round % 2 === 0 ? [streams, scanned] : [scanned, streams])
        (child === streams ? mine : theirs).push(await ask(child, 'snapshot'));
    }
    return ratioFigure('100,000 files, 1 file changed, by the library for macOS', mine, theirs, {
      unit: 'ms',
      digits: 0,
    });
  } finally {
    await streams.end();
  }
}

async function ask(child: Child, order: SnapshotOrder['do']): Promise<number> {
  return (await child.ask<SnapshotReport>({ do: order })).value;
}
