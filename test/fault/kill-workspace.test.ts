/** A process that takes turns in a workspace is killed at any moment; what it had said is durable, and is brought back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newStopFlag } from '../../daemon/workspace/engine/stop-flag.ts';
import { ALICE, Workbench } from '../daemon/workspace/engine/support/workbench.ts';
import { chance, faultLoops } from './support/chance.ts';

const CHILD = join(import.meta.dirname, 'support', 'workspace', 'turns-child.ts');

interface Said {
  readonly turn: number;
  readonly files: Record<string, string>;
}

async function takeTurns(bench: Workbench, seed: number, forMs: number): Promise<Said[]> {
  const args = [CHILD, bench.top, bench.key.export().toString('hex'), String(seed)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const started = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    started.resolve();
  });
  const exit = once(child, 'exit');
  await Promise.race([started.promise, exit]);
  await sleep(forMs);
  child.kill('SIGKILL');
  expect((await exit)[1]).toBe('SIGKILL');
  const lines = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Said);
}

it('a workspace is whole after a kill at any moment: each point that was taken can be brought back', async () => {
  const random = chance();
  const bench = new Workbench();
  try {
    const said: Said[] = [];
    for (let loop = 0; loop < Math.ceil(faultLoops() / 2); loop += 1) {
      said.push(...(await takeTurns(bench, random.between(0, 1e9), random.between(0, 250))));
      bench.crash();
      await bench.workspace.recover();
      const newest = bench.newestTurn(ALICE);
      const target = said[random.between(Math.max(0, said.length - 4), said.length - 1)];
      if (target === undefined) throw new Error('no turn has begun');
      const before = bench.files();
      await bench.restore(ALICE, target.turn, 'pre', newest, { all: true });
      expect(bench.files()).toEqual(target.files);
      if (random.percent(50)) {
        const { counts } = await bench.planUndo(ALICE, newest).catch(() => ({ counts: undefined }));
        if (counts !== undefined) await bench.undo(ALICE, newest);
        if (JSON.stringify(before) !== JSON.stringify(target.files)) expect(bench.files()).toEqual(before);
      }
      bench.leave();
    }
    bench.workspace.exportTo(bench.beside('export.git'), newStopFlag());
  } finally {
    bench.close();
  }
}, 900_000);
