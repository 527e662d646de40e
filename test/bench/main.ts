/** `npm run bench [-- row …] [--write] [--list]`: measures the budgets of the design beside their baselines. */
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../../scripts/ensure-built.ts';
import { busyWarning, describeMachine, loadNow } from './support/machine.ts';
import { removeDirectories } from './support/places.ts';
import { endDaemons } from './support/product.ts';
import { printRow, writeReport, type Report } from './support/report.ts';
import type { Row } from './support/figures.ts';
import { ROWS } from './rows.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } },
});

if (values.list) {
  for (const row of ROWS) process.stdout.write(`${row.name.padEnd(14)}${row.title}\n`);
} else {
  process.exitCode = await bench(chosenRows(positionals), values.write);
}

function chosenRows(names: readonly string[]): readonly Row[] {
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`no such row: ${unknown.join(', ')} (--list names them)`);
  return ROWS.filter((row) => (names.length === 0 ? row.isLong !== true : names.includes(row.name)));
}

/** @returns the exit code: 0 when every row could be measured; a missed budget is a finding, not a failure. */
async function bench(rows: readonly Row[], write: boolean): Promise<number> {
  await ensureBuilt();
  process.stdout.write(`${describeMachine().text}; load ${loadNow().toFixed(2)}\n`);
  const warning = busyWarning();
  if (warning !== undefined) process.stdout.write(`WARNING: ${warning}\n`);
  const reports: Report[] = [];
  let failed = 0;
  try {
    for (const row of rows) {
      try {
        const load = loadNow();
        const report: Report = { row, figures: await row.run(), load };
        reports.push(report);
        printRow(report);
      } catch (error) {
        failed += 1;
        process.stdout.write(`\n${row.name}: could not be measured\n`);
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      }
    }
  } finally {
    endDaemons();
    removeDirectories();
  }
  if (write) writeReport(reports);
  return failed > 0 ? 1 : 0;
}
