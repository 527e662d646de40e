/** Writes in a directory without a pause, until it is told to stop. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { Chance } from '../../../../fault/support/seeded.ts';
import { edit } from '../../scan/support/random-edits.ts';

export interface WriterSettings {
  readonly root: string;
  readonly seed: number;
  /** Anything but zero: stop. */
  readonly stop: SharedArrayBuffer;
}

const { root, seed, stop } = workerData as WriterSettings;
const chance = new Chance(seed);
const pick = (limit: number) => chance.between(0, limit - 1);
const stopped = new Int32Array(stop);

/** As tools do it: a tree that grows and goes at once, and files that are written beside and moved into place. */
function build(): void {
  const output = join(root, `out-${pick(3)}`);
  rmSync(output, { recursive: true, force: true });
  for (let left = pick(40); left > 0; left -= 1) {
    const directory = join(output, `d${pick(8)}`, `e${pick(4)}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${pick(6)}.new`), `${pick(1_000)}`);
    renameSync(join(directory, `f${pick(6)}.new`), join(directory, `f${pick(6)}`));
  }
}

while (Atomics.load(stopped, 0) === 0) {
  // What is written through a name that comes and goes between two scans is told nowhere.
  if (pick(20) > 0) edit(root, pick, false);
  else {
    try {
      build();
    } catch {
      // What was to be moved was not made this time.
    }
  }
}
