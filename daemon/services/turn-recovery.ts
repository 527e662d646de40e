/** Finds out how far the turn had come that ran when a daemon ended. */
import type { Part } from '../../protocol/message.ts';
import type { EventData } from '../../protocol/event.ts';
import { hasEnded } from '../domain/turn-state.ts';
import type { SessionHead, StoredEntry, VaultPort } from './ports.ts';
import { partsOfReply } from './reply-writing.ts';

/** Newest entries of a session among which the last state of its turn is looked for. */
const TAIL = 500;
const TAIL_BYTES = 16 * 1024 * 1024;

export interface InterruptedTurn {
  readonly turn: number;
  readonly state: 'running' | 'waiting';
  /** Step to go on with. */
  readonly step: number;
  /** What had been written of the reply. */
  readonly draft: { readonly step: number; readonly parts: Part[] } | undefined;
}

/**
 * @returns undefined when no turn had begun without ending; `given-up` when the last one was interrupted by a crash before
 * and was not continued.
 */
export async function findInterruptedTurn(
  vault: VaultPort,
  head: SessionHead,
): Promise<InterruptedTurn | 'given-up' | undefined> {
  const { entries } = await vault.read({ sessionId: head.id, limit: TAIL, maxBytes: TAIL_BYTES });
  const last = entries.findLast((entry) => entry.type === 'turn');
  if (last === undefined) return undefined;
  const { state, reason } = JSON.parse(last.body) as EventData<'turn'>;
  if (state === 'interrupted' && reason === 'crash') return 'given-up';
  if (hasEnded(state)) return undefined;
  const drafts = (await vault.readDrafts(head.id)).filter((draft) => draft.turn === last.turn);
  const draft = drafts.at(-1);
  const finished = lastStep(entries.filter((entry) => entry.turn === last.turn));
  return {
    turn: last.turn,
    state: state === 'waiting' ? 'waiting' : 'running',
    step: Math.max(finished, draft?.step ?? 0) + 1,
    draft: draft === undefined ? undefined : { step: draft.step, parts: partsOfReply(draft.text, draft.reasoning) },
  };
}

/** The highest step that left something in the log. */
function lastStep(entries: readonly StoredEntry[]): number {
  let replies = 0;
  let cut = 0;
  for (const entry of entries) {
    if (entry.type === 'cutoff') cut = Math.max(cut, (JSON.parse(entry.body) as EventData<'cutoff'>).step);
    if (entry.type === 'message' && (JSON.parse(entry.body) as EventData<'message'>).role === 'assistant') replies += 1;
  }
  return Math.max(replies, cut);
}
