/** Stored shapes as the protocol shows them. */
import type { CatalogRow, Save, Session } from '../../protocol/session.ts';
import type { Message, Part, Role } from '../../protocol/message.ts';
import type { SessionHead, StoredEntry, StoredSave } from './ports.ts';

/** Shown in the place of a path that does not verify any more. */
const DAMAGED_PATH = '(damaged: does not verify)';

export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

/** @param attached connections that are attached to the session now. */
export function presentSession(head: SessionHead, attached: number, unsaved = false): Session {
  return {
    id: head.id,
    title: head.title,
    workspace: head.workspace === '' ? DAMAGED_PATH : head.workspace,
    status: unsaved ? 'waiting' : head.status,
    model: head.model,
    mode: head.mode,
    agent: head.agent,
    turns: head.turns,
    messages: head.messages,
    inputTokens: head.inputTokens,
    outputTokens: head.outputTokens,
    createdAt: isoTime(head.createdAt),
    updatedAt: isoTime(head.updatedAt),
    archived: head.archived,
    pinned: head.pinned,
    lastSeq: head.lastSeq,
    parent: head.parent,
    attached,
  };
}

export function presentSave(save: StoredSave): Save {
  const { id, sessionId, turn, seq, messages, model, title, createdAt } = save;
  const workspace = save.workspace === '' ? DAMAGED_PATH : save.workspace;
  return { id, sessionId, turn, seq, messages, model, workspace, title, createdAt: isoTime(createdAt) };
}

export function saveRow(save: StoredSave): CatalogRow {
  return { kind: 'save', id: save.id, save: presentSave(save) };
}

/** An entry of type `message`. */
export function presentMessage(entry: StoredEntry): Message {
  const { role, parts } = JSON.parse(entry.body) as { role: Role; parts: Part[] };
  return { seq: entry.seq, turn: entry.turn, role, parts, at: isoTime(entry.at) };
}
