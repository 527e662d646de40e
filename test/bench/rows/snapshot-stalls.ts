/** Whether anybody notices that files are captured and brought back. */
import { join } from 'node:path';
import type { Client } from '../../../client/connection/api.ts';
import { rangeText, type Figure, type Row } from '../support/figures.ts';
import { demoTurn } from '../support/demo-turn.ts';
import { makeDirectory } from '../support/places.ts';
import { timeOnce } from '../support/rounds.ts';
import { SourceTree } from '../support/source-tree.ts';
import { Watched } from '../support/watched.ts';
import { newId } from '../support/workload.ts';

const FILES = 100_000;
const TURNS = 5;
/** Files of one folder of the tree. */
const COPIED = 1_200;

export const snapshotStallsRow: Row = {
  name: 'stalls',
  title: 'The main thread while files are captured and brought back',
  method:
    `A daemon as a user has it, in a workspace of ${FILES.toLocaleString('en')} files: a first turn that writes a file, with the first snapshot of all; ${TURNS} turns that run a command each, with a snapshot before and after and two scans around the command; a restore that deletes ${COPIED.toLocaleString('en')} files. ` +
    'A metronome on the daemon’s main thread and one in an idle process note how late their timers come.',
  run: async () => {
    const tree = SourceTree.make(join(makeDirectory(), 'w'), FILES);
    const watched = await Watched.start(join(makeDirectory(), 'data'));
    const client = await watched.product.typedClient();
    try {
      await watched.begin();
      const first = await timeOnce(() => demoTurn(client, tree.root, ['write first.txt hello']));
      const figures: Figure[] = [
        { what: 'the first turn, which waits for the first snapshot', measured: `${first.toFixed(0)} ms` },
      ];
      const turns: number[] = [];
      for (let at = 0; at < TURNS; at += 1) {
        turns.push(await timeOnce(() => demoTurn(client, tree.root, [`run echo ${at} > r${at}.txt`])));
      }
      figures.push({ what: 'a later turn with a command', measured: rangeText(turns, 'ms', 0) });
      figures.push({
        what: `a restore that deletes ${COPIED.toLocaleString('en')} files`,
        measured: `${(await restore(client, tree.root)).toFixed(0)} ms`,
      });
      return [...figures, ...(await watched.figures('snapshots and restores'))];
    } finally {
      await client.close();
      await watched.end();
    }
  },
};

/** @returns milliseconds of the plan and what it says. */
async function restore(client: Client, workspace: string): Promise<number> {
  const sessionId = await demoTurn(client, workspace, ['run cp -r p0 copy']);
  const target = { kind: 'turn', turn: 1, phase: 'pre' } as const;
  return await timeOnce(async () => {
    const { planId, files } = await client.call('restore/plan', { sessionId, target });
    if (files.length !== COPIED) throw new Error(`${files.length} files would be restored`);
    await client.call('restore/apply', { opId: newId(), sessionId, planId });
  });
}
