/**
 * A server and its fuzzer in one process, so that an input is known to have reached what no other has:
 * `fuzz-child.ts SOCKET SECONDS SEED`. Says `listening`, and at the end a report, each on a line.
 */
import { join } from 'node:path';
import { Chance } from '../seeded.ts';
import { BlockCoverage } from './block-coverage.ts';
import { USUAL, type Input, type Knobs } from './input.ts';
import type { Report } from './report.ts';
import { isUnreachable } from './unreachable.ts';

const [path = '', seconds = '10', seed = '1'] = process.argv.slice(2);
const ROOT = join(import.meta.dirname, '..', '..', '..', '..', '/');
const MOST_PROBLEMS = 5;

const coverage = new BlockCoverage(ROOT, (file) =>
  /^protocol\/(frame|framing|envelope)\.ts$|^daemon\/transport\//.test(file),
);
// What is measured is loaded after the measurement has begun.
const { FuzzedServer } = await import('./server.ts');
const { corpus } = await import('./corpus.ts');
const { feed } = await import('./feed.ts');
const { mutate } = await import('./mutate.ts');

const chance = new Chance(Number(seed));
const problems: string[] = [];
let knobs: Knobs = USUAL;
let inputs = 0;
let rssBytes = 0;
process.on('uncaughtException', (error) => problems.push(`uncaught: ${String(error.stack)}`));
const server = await FuzzedServer.listen(path, () => knobs);
process.stdout.write('listening\n');

try {
  const kept = corpus();
  for (const one of kept) await tryOut(one);
  const gapsOfCorpus = coverage.gaps().length;
  let found = 0;
  const deadline = performance.now() + Number(seconds) * 1_000;
  while (performance.now() < deadline && problems.length < MOST_PROBLEMS) {
    // What has found something lately is worth more.
    const one = kept[chance.percent(30) ? kept.length - 1 - chance.between(0, 9) : chance.between(0, kept.length - 1)];
    const other = kept[chance.between(0, kept.length - 1)];
    if (one === undefined || other === undefined) continue;
    const made = mutate(one, other, chance);
    if ((await tryOut(made)) === 0) continue;
    found += 1;
    kept.push(made);
  }
  // Some places need two things in the right order, which a busy machine does not always grant: once more, with patience.
  for (let apartMs = 20; apartMs <= 320 && !coverage.gaps().every(isUnreachable); apartMs *= 2) {
    for (const one of corpus())
      if (one.cuts.length > 0 || one.crowd > 0 || one.stalls || one.leaves) await tryOut(one, apartMs);
  }
  knobs = USUAL;
  for (let round = 0; round < 500 && server.connections.count > 1; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const report: Report = {
    inputs,
    found,
    problems,
    gapsOfCorpus,
    gaps: coverage.gaps(),
    files: coverage.files,
    rssBytes,
    connectionsLeft: server.connections.count,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  await server.close();
  // Handlers that nobody ended wait for their deadlines.
  process.exit(0);
} catch (error) {
  // Nothing waits for a module that is run; the server would keep the process alive.
  process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}

/** @returns how much of the source ran for the first time. */
async function tryOut(input: Input, apartMs = 5): Promise<number> {
  inputs += 1;
  knobs = input.knobs;
  const wrong = await feed(path, input, apartMs);
  if (({} as Record<string, unknown>)['polluted'] !== undefined) wrong.push('the prototype of all objects was changed');
  for (const one of new Set(wrong)) {
    const state = JSON.stringify({ ...input, bytes: undefined, cuts: input.cuts.slice(0, 20) });
    problems.push(`${one}; input ${inputs}, ${state}: ${input.bytes.toString('base64').slice(0, 2_000)}`);
  }
  rssBytes = Math.max(rssBytes, process.memoryUsage.rss());
  return coverage.take();
}
