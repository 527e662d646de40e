/**
 * Takes turns in a workspace until it is killed, and now and then restores one. Says on standard output what is durable: the
 * files before each turn, a line of JSON each.
 */
import { writeSync } from 'node:fs';
import { Workbench, ALICE } from '../../../daemon/workspace/engine/support/workbench.ts';
import { Chance } from '../seeded.ts';

const [top = '', key = '', seed = '0'] = process.argv.slice(2);
const bench = new Workbench(true, {}, { top, key: Buffer.from(key, 'hex') });
const random = new Chance(Number(seed));

// A turn that had begun before a kill would keep the files from before it.
for (let turn = bench.newestTurn(ALICE) + 1; ; turn += 1) {
  const ref = { sessionId: ALICE, turn };
  bench.pre(ALICE, turn);
  writeSync(1, `${JSON.stringify({ turn, files: bench.files() })}\n`);
  for (let call = random.between(1, 3); call > 0; call -= 1) {
    const path = `${random.pick(['a', 'b/c', 'b/d', 'e'])}${random.between(0, 3)}`;
    if (random.percent(50)) bench.edit(ref, path, `${turn} ${random.next()}`);
    else
      bench.command(ref, () => (bench.text(path) === undefined ? bench.write(path, String(turn)) : bench.remove(path)));
  }
  bench.end(ref);
  if (random.percent(40)) await bench.restore(ALICE, random.between(Math.max(1, turn - 2), turn), 'pre', turn);
}
