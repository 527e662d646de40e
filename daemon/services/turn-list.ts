/** The turns of a session with what each did to its files. What a turn holds in between is not read. */
import type { EventData } from '../../protocol/event.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { TurnSummary } from '../../protocol/turn-summary.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import { titleOf } from '../domain/title.ts';
import { hasEnded } from '../domain/turn-state.ts';
import type { StoredEntry, VaultPort } from './ports.ts';
import { isoTime } from './present.ts';

const DEFAULT_PAGE = 50;
/** A turn ends with its last change; what a person sets after it, and where a fork begins, may follow. */
const END_PAGE = 8;
const END_BYTES = 64 * 1024;

export interface CurrentTurn {
  readonly turn: number;
  readonly state: 'running' | 'waiting';
}

/** @param current the turn that runs or waits: where it stands is not looked for. */
export async function listTurns(
  vault: VaultPort,
  { sessionId, limit = DEFAULT_PAGE, before = Infinity }: ParamsOf<'turn/list'>,
  current: CurrentTurn | undefined,
): Promise<ResultOf<'turn/list'>> {
  const { entries } = await vault.read({ sessionId, limit: 1, maxBytes: 1 });
  const first = Math.min(entries[0]?.turn ?? 0, before - 1);
  const last = Math.max(first - limit + 1, 1);
  const turns: TurnSummary[] = [];
  // One turn begins where the one before it ends.
  let end = first < 1 ? 0 : await vault.lastOfTurn(sessionId, first);
  for (let turn = first; turn >= last; turn -= 1) {
    const start = await vault.lastOfTurn(sessionId, turn - 1);
    const summary = await summaryOf(vault, { sessionId, turn, start, end }, current);
    if (summary !== undefined) turns.push(summary);
    end = start;
  }
  return { turns, more: first >= 1 && last > 1 };
}

interface TurnSpan {
  readonly sessionId: string;
  readonly turn: number;
  /** Sequence before its first entry, and of its last one. */
  readonly start: number;
  readonly end: number;
}

async function summaryOf(
  vault: VaultPort,
  span: TurnSpan,
  current: CurrentTurn | undefined,
): Promise<TurnSummary | undefined> {
  const { sessionId, turn, start } = span;
  const read = await vault.read({ sessionId, after: start, limit: 1, maxBytes: 1, only: ['message'], upTo: span.end });
  const [prompt] = read.entries;
  if (prompt === undefined) return undefined;
  const { parts } = JSON.parse(prompt.body) as EventData<'message'>;
  const said = parts.flatMap((part) => (part.type === 'text' || part.type === 'image' ? [part] : []));
  const summary = { turn, at: isoTime(prompt.at), prompt: titleOf(said) };
  if (turn === current?.turn) return { ...summary, state: current.state, snapshot: null };
  return { ...summary, ...(await endOf(vault, span)) };
}

/** Reads backwards from the end of a turn to its newest change. */
async function endOf(
  vault: VaultPort,
  { sessionId, start, end }: TurnSpan,
): Promise<Pick<TurnSummary, 'state' | 'snapshot'>> {
  let after: StoredEntry | undefined;
  let before = end + 1;
  while (before > start + 1) {
    const { entries } = await vault.read({ sessionId, before, limit: END_PAGE, maxBytes: END_BYTES });
    for (const entry of entries.toReversed().filter(({ seq }) => seq > start)) {
      if (after !== undefined) return changed(after, entry);
      if (entry.type === 'turn') after = entry;
    }
    before = entries[0]?.seq ?? 0;
  }
  return { state: 'running', snapshot: null };
}

function changed(last: StoredEntry, beforeLast: StoredEntry): Pick<TurnSummary, 'state' | 'snapshot'> {
  const { state } = JSON.parse(last.body) as TurnChange;
  const isKnown = hasEnded(state) && beforeLast.type === 'snapshot';
  return { state, snapshot: isKnown ? (JSON.parse(beforeLast.body) as EventData<'snapshot'>) : null };
}
