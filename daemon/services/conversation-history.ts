/** The conversation that a model is sent: the newest part of a session's messages, repaired. */
import type { Message } from '../../protocol/message.ts';
import { repairHistory } from '../domain/history-repair.ts';
import type { VaultPort } from './ports.ts';
import { presentMessage } from './present.ts';

/** Longest part of a conversation that is sent, in bytes of stored messages. */
const MAX_BYTES = 8 * 1024 * 1024;
const PAGE = 500;
const PAGE_BYTES = 1024 * 1024;

/** Oldest first. */
export async function readConversation(vault: VaultPort, sessionId: string): Promise<Message[]> {
  const pages: Message[][] = [];
  let before: number | undefined;
  let room = MAX_BYTES;
  while (room > 0) {
    const { entries, more } = await vault.read({
      sessionId,
      ...(before === undefined ? {} : { before }),
      limit: PAGE,
      maxBytes: Math.min(room, PAGE_BYTES),
      only: ['message'],
    });
    pages.unshift(entries.map((entry) => presentMessage(entry)));
    for (const entry of entries) room -= entry.body.length;
    before = entries[0]?.seq;
    if (!more || before === undefined) break;
  }
  return repairHistory(pages.flat());
}
