/** Rows of the numbered lists of sessions and saves. */
import { fitWidth, displayWidth, padWidth } from '../command-line/display-width.ts';
import { harmlessLine } from '../command-line/harmless-text.ts';
import { count, localTime } from '../command-line/wording.ts';
import type { CatalogRow, Session } from '../../protocol/session.ts';

/**
 * Rows as `/sessions` shows them: `  1) _autosave`, with time, length, model and title behind the id.
 * @param first number of the first row.
 * @param columns columns that a row may take.
 */
export function sessionRows(rows: readonly CatalogRow[], first: number, columns: number): string[] {
  const heads = rows.map((row, index) => `  ${first + index}) ${row.id}`);
  const width = Math.max(0, ...heads.map(displayWidth));
  const facts = rows.map(factsOf);
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

/** Model, length and title, wherever they come from. */
export function factsOfRow(row: CatalogRow): { messages: number; model: string; title: string; at: string } {
  if (row.kind === 'save') {
    const { messages, model, title, createdAt } = row.save;
    return { messages, model, title, at: createdAt };
  }
  const { messages, model, title, updatedAt } = row.session;
  return { messages, model, title, at: updatedAt };
}

function factsOf(row: CatalogRow): [string, string, string, string] {
  const { messages, model, title, at } = factsOfRow(row);
  return [localTime(at), count(messages, 'message'), harmlessLine(model), `${marksOf(row)}${harmlessLine(title)}`];
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
