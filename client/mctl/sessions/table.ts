/** Sessions as a table for a person. */
import { displayWidth, fitWidth, padWidth } from '../../command-line/display-width.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { localTime } from '../../command-line/wording.ts';
import type { Session } from '../../../protocol/session.ts';

/** A line of headings and one for each session, none wider than so many columns. */
export function table(sessions: readonly Session[], columns: number): string[] {
  const rows = [
    ['ID', 'UPDATED', 'STATUS', 'MESSAGES', 'MODEL', 'TITLE', 'WORKSPACE'],
    ...sessions.map((session) => [
      session.id,
      localTime(session.updatedAt),
      `${session.status}${session.pinned ? ', pinned' : ''}${session.archived ? ', archived' : ''}`,
      String(session.messages),
      harmlessLine(session.model),
      fitWidth(harmlessLine(session.title), 40),
      harmlessLine(session.workspace),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column] ?? '')))) ?? [];
  return rows.map((row) =>
    fitWidth(
      row
        .map((cell, column) => padWidth(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
      columns,
    ),
  );
}
