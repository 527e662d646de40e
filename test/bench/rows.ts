/** Every row of the bench, in the order of the table. */
import type { Row } from './support/figures.ts';
import { crowdRow } from './rows/crowd.ts';
import { fanOut } from './rows/fan-out.ts';
import { loadRow } from './rows/load.ts';
import { longJobRow } from './rows/long-job.ts';
import { manyWriters } from './rows/many-writers.ts';
import { pruneRow } from './rows/prune.ts';
import { attachRow, forkRow, listRow } from './rows/reads.ts';
import { roundTrip } from './rows/round-trip.ts';
import { coldRow, warmRow } from './rows/starts.ts';
import { snapshotStallsRow } from './rows/snapshot-stalls.ts';
import { commandsRow, snapshotsRow } from './rows/snapshots.ts';
import { stepInVault } from './rows/step-in-vault.ts';
import { stepThroughSocket } from './rows/step-through-socket.ts';
import { toolsRow } from './rows/tools.ts';
import { turnRow } from './rows/turn.ts';
import { watchesRow } from './rows/watches.ts';

export const ROWS: readonly Row[] = [
  stepInVault,
  stepThroughSocket,
  manyWriters,
  roundTrip,
  fanOut,
  attachRow,
  listRow,
  forkRow,
  warmRow,
  coldRow,
  loadRow,
  crowdRow,
  longJobRow,
  turnRow,
  toolsRow,
  snapshotsRow,
  commandsRow,
  snapshotStallsRow,
  pruneRow,
  watchesRow,
];
