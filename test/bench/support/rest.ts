/** What is left on the disk when nobody has asked for anything for a while. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SnapshotReport } from '../roles/snapshots.ts';
import type { Child } from './children.ts';

/** A thread begins to compress what it has stored a minute after the last call. */
const LONGEST_MS = 180_000;
const LOOK_MS = 5_000;

/** @returns bytes, when they have become fewer and stay so; what there is when they do not. */
export async function diskAtRest(child: Child): Promise<number> {
  const before = await diskOf(child);
  const until = performance.now() + LONGEST_MS;
  let now = before;
  for (let last = -1; (now >= before || now !== last) && performance.now() < until;) {
    await sleep(LOOK_MS);
    last = now;
    now = await diskOf(child);
  }
  return now;
}

async function diskOf(child: Child): Promise<number> {
  return (await child.ask<SnapshotReport>({ do: 'disk' })).value;
}
