/** One who keeps the files of a workspace, in a process of its own so that its memory can be told. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tell } from '../support/children.ts';
import type { Contestant } from '../support/snapshot-contestants.ts';

export interface SnapshotOrder {
  /** `cpu` is what the process has used since its start; `resident` and `descriptors` what it holds. */
  readonly do: 'snapshot' | 'restore' | 'prune' | 'disk' | 'heap' | 'cpu' | 'resident' | 'descriptors';
  /** For `prune`: how many of the newest stay. */
  readonly kept?: number;
}
/** Milliseconds, bytes, or how many. */
export interface SnapshotReport {
  readonly value: number;
}

/** @param args who, the workspace, and the directory to keep things in. */
export async function keep([who = '', workspace = '', store = '']: readonly string[]): Promise<void> {
  const contestant = await contestantOf(who, workspace, store);
  const before = await contestant.heap();
  process.on('message', (order: SnapshotOrder) => {
    void answer(contestant, order, before);
  });
  tell({ ready: true });
}

async function answer(contestant: Contestant, order: SnapshotOrder, before: number): Promise<void> {
  const value = await valueOf(contestant, order, before);
  tell({ value } satisfies SnapshotReport);
}

async function valueOf(contestant: Contestant, order: SnapshotOrder, before: number): Promise<number> {
  switch (order.do) {
    case 'snapshot':
      return await contestant.snapshot();
    case 'restore':
      return await contestant.restore();
    case 'prune':
      return await contestant.prune(order.kept ?? 1);
    case 'disk':
      return bytesBelow(contestant.store);
    case 'heap':
      return (await contestant.heap()) - before;
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    }
    case 'resident':
      return process.memoryUsage.rss();
    case 'descriptors':
      return readdirSync('/proc/self/fd').length;
  }
}

async function contestantOf(who: string, workspace: string, store: string): Promise<Contestant> {
  switch (who) {
    case 'native': {
      const { NativeGit } = await import('../support/snapshot-contestants.ts');
      return new NativeGit(workspace, store);
    }
    case 'isomorphic': {
      const { IsomorphicGit } = await import('../support/snapshot-contestants.ts');
      return new IsomorphicGit(workspace, store);
    }
    default: {
      const { OurSnapshots } = await import('../support/our-snapshots.ts');
      return new OurSnapshots(workspace, store, who !== 'plain', who === 'watched' ? 'on' : 'off');
    }
  }
}

function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? bytesBelow(path) : lstatSync(path).blocks * 512;
  }
  return bytes;
}
