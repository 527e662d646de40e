/** What snapshots of all workspaces take, as a table. */
import { sizeText } from '../../calls/command-result.ts';
import { harmlessRow } from '../../calls/text-lines.ts';
import { fitWidth, padWidth } from '../../command-line/display-width.ts';
import { localTime } from '../../command-line/wording.ts';
import type { ResultOf } from '../../../protocol/methods.ts';

type Usage = ResultOf<'snapshot/usage'>;

const HEADINGS = ['SIZE', 'SNAPSHOTS', 'OLDEST', 'WORKSPACE'];

/** @param columns of the terminal: no line is wider. */
export function usageText(usage: Usage, columns: number): string {
  return [...(usage.workspaces.length === 0 ? [] : table(usage, columns)), ...summary(usage)].join('\n');
}

function table({ workspaces }: Usage, columns: number): string[] {
  const largestFirst = workspaces.toSorted((left, right) => right.storedBytes - left.storedBytes);
  const rows = [HEADINGS, ...largestFirst.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => padWidth(cell, widths[column] ?? 0));
    return fitWidth(cells.join('  ').trimEnd(), columns);
  });
}

function cellsOf({
  workspace,
  exists,
  snapshots,
  storedBytes,
  oldestAt,
  problem,
}: Usage['workspaces'][number]): string[] {
  const remark = problem === '' ? (exists ? '' : ' (gone)') : ` (${harmlessRow(problem)})`;
  return [
    sizeText(storedBytes),
    String(snapshots),
    oldestAt === null ? '' : localTime(oldestAt),
    `${harmlessRow(workspace)}${remark}`,
  ];
}

function summary({
  storedBytes,
  snapshotBytes,
  maxStoredBytes,
  maxAgeDays,
  prunedAt,
  announcedFor,
  failing = [],
}: Usage): string[] {
  const limit = maxStoredBytes === 0 ? '' : ` of at most ${sizeText(maxStoredBytes)}`;
  const age = maxAgeDays === 0 ? 'none is removed for its age' : `older than ${maxAgeDays} days are removed`;
  return [
    `stored:   ${sizeText(storedBytes)} on disk, ${sizeText(snapshotBytes)} of it snapshots${limit}`,
    `removed:  ${age}${announcedFor === null ? '' : `, from ${localTime(announcedFor)} on`}`,
    ...(prunedAt === null ? [] : [`cleared:  ${localTime(prunedAt)}`]),
    ...failing.map(
      ({ workspace, problem, since }) =>
        `FAILS:    ${harmlessRow(workspace)} since ${localTime(since)}: ${harmlessRow(problem)}`,
    ),
  ];
}
