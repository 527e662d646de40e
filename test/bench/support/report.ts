/** The figures on the terminal and in docs/BENCHMARKS.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure, Row } from './figures.ts';
import { describeMachine } from './machine.ts';
import { ROOT } from './places.ts';

export interface Report {
  readonly row: Row;
  readonly figures: readonly Figure[];
  /** Load average when the row began. */
  readonly load: number;
}

const FILE = join(ROOT, 'docs', 'BENCHMARKS.md');

export function printRow({ row, figures, load }: Report): void {
  process.stdout.write(`\n${row.title} (${row.name}; load ${load.toFixed(2)})\n`);
  for (const figure of figures) {
    const baseline = figure.baseline === undefined ? '' : ` against ${figure.baseline}`;
    const result = figure.result === undefined ? '' : `: ${figure.result}`;
    process.stdout.write(`  ${verdict(figure).padEnd(7)}${figure.what}: ${figure.measured}${baseline}${result}`);
    process.stdout.write(figure.budget === undefined ? '\n' : `  [budget ${figure.budget}]\n`);
  }
}

/** Replaces the sections of the rows that were measured, and leaves everything else in the file as it is. */
export function writeReport(reports: readonly Report[]): void {
  let text = readFileSync(FILE, 'utf8');
  for (const report of reports) text = replaceSection(text, report.row.name, sectionOf(report));
  writeFileSync(FILE, text);
}

function replaceSection(text: string, name: string, section: string): string {
  const [begin, end] = [`<!-- row ${name} -->`, `<!-- end ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to === -1) throw new Error(`docs/BENCHMARKS.md has no place for the row ${name}`);
  return `${text.slice(0, from)}${begin}\n${section}${text.slice(to)}`;
}

function sectionOf({ row, figures, load }: Report): string {
  const date = new Date().toISOString().slice(0, 10);
  return [
    `## ${row.title}`,
    '',
    row.method,
    '',
    '| what | measured | baseline | result | budget | |',
    '|---|---|---|---|---|---|',
    ...figures.map((figure) => {
      const cells = [figure.what, figure.measured, figure.baseline, figure.result, figure.budget, verdict(figure)];
      return `| ${cells.map((cell) => (cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`;
    }),
    '',
    `${date}, ${describeMachine().text}, load ${load.toFixed(2)}. \`npm run bench -- ${row.name}\``,
    '',
    '',
  ].join('\n');
}

function verdict({ isMet }: Figure): string {
  return isMet === undefined ? '' : isMet ? 'met' : 'MISSED';
}
