/** Snapshots and restores beside native git and isomorphic-git, with encryption and without. */
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Child } from '../support/children.ts';
import { median, ratioFigure, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory, ROOT } from '../support/places.ts';
import { diskAtRest } from '../support/rest.ts';
import { SourceTree } from '../support/source-tree.ts';
import type { SnapshotReport } from '../roles/snapshots.ts';

/** Of research/snapshots.md §9 by way of DESIGN §12: ratios to native git in the same run. */
interface Budgets {
  readonly first?: number;
  readonly none?: number;
  readonly one?: number;
  readonly hundred?: number;
  readonly restore?: number;
  readonly disk?: number;
  readonly diskAtRest?: number;
}

interface Subject {
  readonly title: string;
  readonly budgets: Budgets;
  readonly rounds: number;
  /** isomorphic-git takes minutes for many files; it has a row of its own for them. */
  readonly isSlowForOthers: boolean;
  make(): SourceTree;
}

const WHOLE_PROJECT: Budgets = {
  first: 0.2,
  none: 0.75,
  one: 0.75,
  hundred: 0.75,
  restore: 0.6,
  disk: 0.75,
  diskAtRest: 0.5,
};
const SMALL: Budgets = { first: 0.5, none: 0.5, one: 0.5, hundred: 0.5 };

const SUBJECTS: readonly Subject[] = [
  { title: '1,000 files', budgets: SMALL, rounds: 7, isSlowForOthers: false, make: () => treeOf(1_000) },
  { title: '10,000 files', budgets: {}, rounds: 5, isSlowForOthers: false, make: () => treeOf(10_000) },
  { title: '100,000 files', budgets: WHOLE_PROJECT, rounds: 5, isSlowForOthers: true, make: () => treeOf(100_000) },
  { title: 'our own node_modules', budgets: {}, rounds: 5, isSlowForOthers: true, make: nodeModules },
];

const COMMANDS_MS = 900_000;
const CASES = [0, 1, 100] as const;
const RESTORES = [1, 100, 1_000] as const;

export const snapshotsRow: Row = {
  name: 'snapshots',
  title: 'Snapshots and restores',
  method:
    'Source-like files of 4 KB in the mean, twelve a directory. Native git is `add -A`, `write-tree`, `commit-tree` and `update-ref` with a repository beside the workspace and an empty configuration; isomorphic-git is `add` of everything, then `statusMatrix` and an `add` for each change. ' +
    'A restore keeps what is there first: ours as a safety snapshot with every file looked at, every blob checked, a journal and an fsync for each file; native git as a snapshot and `read-tree --reset -u`, which fsyncs nothing. All see the same changes in the same round; the first snapshot is one round. ' +
    'Memory is what the heap of the thread that keeps the files has grown by, uncollected; disk is in blocks after the first snapshot.',
  run: async () => {
    const figures: Figure[] = [];
    for (const subject of SUBJECTS) figures.push(...(await measure(subject)));
    return figures;
  },
};

export const commandsRow: Row = {
  name: 'isomorphic',
  title: 'The commands of isomorphic-git at 100,000 files',
  isLong: true,
  method:
    'As in the row before, one round: `add` of everything with one file at a time, because its default of all at once ends with EMFILE, then `statusMatrix` and an `add` for each change. Measured only when it is named, since it takes ten minutes.',
  run: async () => {
    const tree = treeOf(100_000);
    const native = await Child.ready('snapshots', ['native', tree.root, makeDirectory()]);
    const other = await Child.ready('snapshots', ['isomorphic', tree.root, makeDirectory()]);
    const figures: Figure[] = [];
    try {
      for (const [what, changed] of [
        ['the first snapshot', 0],
        ['nothing changed', 0],
        ['100 files changed', 100],
      ] as const) {
        tree.edit(changed);
        const baseline = [await ask(native, 'snapshot', COMMANDS_MS)];
        const measured = [await ask(other, 'snapshot', COMMANDS_MS)];
        figures.push(
          ratioFigure(`100,000 files: ${what}, isomorphic-git`, measured, baseline, { unit: 'ms', digits: 0 }),
        );
      }
    } finally {
      await native.end();
      await other.end();
    }
    return figures;
  },
};

type Who = 'encrypted' | 'plain' | 'native' | 'isomorphic';

async function measure(subject: Subject): Promise<Figure[]> {
  const tree = subject.make();
  const names: Who[] = ['native', 'encrypted', 'plain'];
  if (!subject.isSlowForOthers) names.push('isomorphic');
  const all = new Map<Who, Child>();
  for (const who of names) all.set(who, await Child.ready('snapshots', [who, tree.root, makeDirectory()]));
  try {
    const figures = await firstFigures(subject, tree, all);
    for (const changed of CASES) figures.push(...(await changeFigures(subject, tree, all, changed)));
    for (const changed of RESTORES) figures.push(...(await restoreFigures(subject, tree, all, changed)));
    if (subject.budgets.diskAtRest !== undefined) figures.push(await restFigure(subject, all));
    return figures;
  } finally {
    for (const child of all.values()) await child.end();
  }
}

async function firstFigures(subject: Subject, tree: SourceTree, all: ReadonlyMap<Who, Child>): Promise<Figure[]> {
  const { title, budgets } = subject;
  const times = new Map<Who, number[]>();
  const disks = new Map<Who, number[]>();
  const figures: Figure[] = [];
  for (const [who, child] of all) {
    times.set(who, [await ask(child, 'snapshot')]);
    disks.set(who, [(await ask(child, 'disk')) / 2 ** 20]);
  }
  figures.push(...besideNative(`${title}: the first snapshot`, times, budgets.first));
  figures.push(...besideNative(`${title}: on disk`, disks, budgets.disk, 'MB'));
  const child = all.get('encrypted');
  // A small workspace is lost beside what the thread itself takes.
  if (child === undefined || tree.count < 10_000) return figures;
  const bytes = await ask(child, 'heap');
  const each = bytes / tree.count;
  const text = `${(bytes / 2 ** 20).toFixed(1)} MB, ${each.toFixed(0)} bytes a file`;
  const isLarge = tree.count >= 100_000;
  const budget = isLarge ? { budget: '≤ 1 KB a file', isMet: each <= 1_024 } : {};
  figures.push({ what: `${title}: memory after it, encrypted`, measured: text, ...budget });
  return figures;
}

/** Everything that was kept in all rounds, for both. */
async function restFigure({ title, budgets }: Subject, all: ReadonlyMap<Who, Child>): Promise<Figure> {
  const [ours, native] = [all.get('encrypted'), all.get('native')];
  if (ours === undefined || native === undefined) throw new Error('nobody keeps anything');
  const megabytes = [[(await diskAtRest(ours)) / 2 ** 20], [(await ask(native, 'disk')) / 2 ** 20]] as const;
  const limit = budgets.diskAtRest;
  const what = `${title}: on disk after a rest, encrypted`;
  return ratioFigure(what, ...megabytes, { unit: 'MB', digits: 0, ...(limit === undefined ? {} : { limit }) });
}

async function changeFigures(
  { title, budgets, rounds }: Subject,
  tree: SourceTree,
  all: ReadonlyMap<Who, Child>,
  changed: (typeof CASES)[number],
): Promise<Figure[]> {
  const times = await interleaved(all, rounds, 'snapshot', () => {
    tree.edit(changed);
  });
  const limit = changed === 0 ? budgets.none : changed === 1 ? budgets.one : budgets.hundred;
  const what = changed === 0 ? 'nothing changed' : changed === 1 ? '1 file changed' : `${changed} files changed`;
  return besideNative(`${title}: ${what}`, times, limit);
}

/** Each brings back what was changed before it, so that the next finds the same to do. */
async function restoreFigures(
  { title, budgets, rounds }: Subject,
  tree: SourceTree,
  all: ReadonlyMap<Who, Child>,
  changed: (typeof RESTORES)[number],
): Promise<Figure[]> {
  const times = new Map<Who, number[]>();
  const takers = [...all].filter(([who]) => who !== 'isomorphic');
  for (let round = 0; round < Math.min(3, rounds); round += 1) {
    for (const [who, child] of takers) {
      await ask(child, 'snapshot');
      tree.edit(Math.min(changed, tree.count));
      await ask(child, 'snapshot');
      times.set(who, [...(times.get(who) ?? []), await ask(child, 'restore')]);
    }
  }
  const what = `restore of ${changed.toLocaleString('en')} ${changed === 1 ? 'file' : 'files'}`;
  return besideNative(`${title}: ${what}`, times, changed === 100 ? budgets.restore : undefined);
}

async function interleaved(
  all: ReadonlyMap<Who, Child>,
  rounds: number,
  order: 'snapshot' | 'restore',
  change: () => void,
): Promise<Map<Who, number[]>> {
  const times = new Map<Who, number[]>();
  const children = [...all];
  for (let round = -1; round < rounds; round += 1) {
    change();
    for (let place = 0; place < children.length; place += 1) {
      const next = children[(place + round + 1) % children.length];
      if (next === undefined) continue;
      const [who, child] = next;
      const took = await ask(child, order);
      if (round >= 0) times.set(who, [...(times.get(who) ?? []), took]);
    }
  }
  return times;
}

async function ask(
  child: Child,
  order: 'snapshot' | 'restore' | 'disk' | 'heap',
  deadlineMs?: number,
): Promise<number> {
  return (await child.ask<SnapshotReport>({ do: order }, deadlineMs)).value;
}

/** Encrypted has the budget; the others tell where it goes. */
function besideNative(
  what: string,
  values: ReadonlyMap<Who, readonly number[]>,
  limit: number | undefined,
  unit: 'ms' | 'MB' = 'ms',
): Figure[] {
  const native = values.get('native') ?? [];
  const digits = unit === 'MB' || median(native) >= 100 ? 0 : 1;
  const shown: Figure[] = [];
  for (const who of ['encrypted', 'plain', 'isomorphic'] as const) {
    const mine = values.get(who);
    if (mine === undefined) continue;
    const isOurs = who === 'encrypted' && limit !== undefined;
    const name = who === 'isomorphic' ? 'isomorphic-git' : who;
    shown.push(ratioFigure(`${what}, ${name}`, mine, native, { unit, digits, ...(isOurs ? { limit } : {}) }));
  }
  return shown;
}

function treeOf(count: number): SourceTree {
  return SourceTree.make(join(makeDirectory(), 'w'), count);
}

/** A copy: what is changed in it is not ours to change. */
function nodeModules(): SourceTree {
  const root = join(makeDirectory(), 'w');
  const from = join(ROOT, 'node_modules');
  cpSync(from, root, { recursive: true, verbatimSymlinks: true });
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /[.](js|ts|json|md)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return SourceTree.of(
    root,
    files.filter((file) => existsSync(join(root, file))),
  );
}
