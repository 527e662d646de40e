/** A session as `--json` prints it. Fields are added over time, never changed or removed. */
import type { CatalogRow, Session } from '../../../protocol/session.ts';

export function sessionShape(session: Session) {
  const { id, title, workspace, status, model, turns, messages, inputTokens, outputTokens } = session;
  const { createdAt, updatedAt, archived, pinned } = session;
  return {
    id,
    title,
    workspace,
    status,
    model,
    turns,
    messages,
    inputTokens,
    outputTokens,
    createdAt,
    updatedAt,
    archived,
    pinned,
  };
}

/** What `show` and `export` call the session; a save has facts of its own. */
export function rowShape(row: CatalogRow) {
  if (row.kind !== 'save') return sessionShape(row.session);
  const { id, title, workspace, model, turn, messages, createdAt, sessionId } = row.save;
  return { id, title, workspace, model, turns: turn, messages, createdAt, updatedAt: createdAt, save: true, sessionId };
}
