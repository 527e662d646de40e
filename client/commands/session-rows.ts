/** Rows of the numbered lists of sessions and saves. */
import { fitWidth, displayWidth, padWidth } from '../command-line/display-width.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import { count, localTime } from '../command-line/wording.ts';
import type { CatalogRow, Session } from '../../protocol/session.ts';

/** On a narrower terminal the title is worth more than the model. */
const ROOMY_COLUMNS = 100;

/**
 * Rows as `/sessions` shows them: `  1) _autosave`, with time, length, model and title behind the id.
 * @param first number of the first row.
 * @param here the workspace of the frontend; others are named.
 * @param columns columns that a row may take.
 */
export function sessionRows(rows: readonly CatalogRow[], first: number, here: string, columns: number): string[] {
  const heads = rows.map((row, index) => `  ${first + index}) ${row.id}`);
  const width = Math.max(0, ...heads.map(displayWidth));
  const facts = rows.map((row) => factsOf(row, here, columns >= ROOMY_COLUMNS));
  const widths = [0, 1, 2].map((column) => Math.max(0, ...facts.map((fact) => displayWidth(fact[column] ?? ''))));
  return rows.map((_, index) => {
    const cells = (facts[index] ?? []).map((fact, column) => padWidth(fact, widths[column] ?? 0));
    return fitWidth([padWidth(heads[index] ?? '', width), ...cells].join('  ').trimEnd(), columns);
  });
}

/** A session as a row of a list. */
export function rowOfSession(session: Session): CatalogRow {
  return { kind: 'session', id: session.id, session };
}

function factsOf(row: CatalogRow, here: string, withModel: boolean): string[] {
  const { messages, model, title, workspace } = row.kind === 'save' ? row.save : row.session;
  const at = row.kind === 'save' ? row.save.createdAt : row.session.updatedAt;
  const shown = [localTime(at), count(messages, 'message'), ...(withModel ? [harmlessLine(model)] : [])];
  const elsewhere = workspace === here ? '' : `  (${harmlessLine(workspace)})`;
  return [...shown, `${marksOf(row)}${harmlessLine(title)}${elsewhere}`];
}

function marksOf(row: CatalogRow): string {
  if (row.kind === 'save') return '';
  const { status, pinned, archived } = row.session;
  const marks = [
    ...(pinned ? ['pinned'] : []),
    ...(archived ? ['archived'] : []),
    ...(status === 'idle' ? [] : [status]),
  ];
  return marks.length === 0 ? '' : `[${marks.join(', ')}] `;
}
