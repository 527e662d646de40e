/** The step of a turn that was not finished: which of its calls have begun, which have an answer, what was asked. */
import type { EventData } from '../../protocol/event.ts';
import type { ToolCallPart, ToolResultPart } from '../../protocol/message.ts';
import type { ApprovalChange, CallStart } from '../../protocol/tool.ts';
import type { StoredEntry, VaultPort } from './ports.ts';

/** Entries of one step: a reply, and a few for each of its calls. */
const LIMIT = 2_000;
const LIMIT_BYTES = 16 * 1024 * 1024;

export interface OpenStep {
  /** Have neither begun nor been answered, in order. */
  readonly untouched: readonly ToolCallPart[];
  /** Have begun and have no result: nobody knows how far they came. */
  readonly begun: readonly CallStart[];
  /** What people were asked about the calls of this step, and what they answered; oldest first. */
  readonly asked: ReadonlyMap<string, readonly ApprovalChange[]>;
}

const NOTHING_OPEN: OpenStep = { untouched: [], begun: [], asked: new Map() };

/** Reads the end of a session, whose newest turn is the one that is meant. */
export async function readOpenStep(vault: VaultPort, sessionId: string, turn: number): Promise<OpenStep> {
  const { entries } = await vault.read({
    sessionId,
    limit: LIMIT,
    maxBytes: LIMIT_BYTES,
    only: ['message', 'call', 'approval', 'retry'],
  });
  return openStepOf(entries.filter((entry) => entry.turn === turn));
}

/** @param entries of one turn, oldest first. */
export function openStepOf(entries: readonly StoredEntry[]): OpenStep {
  const from = entries.findLastIndex((entry) => entry.type === 'retry' || isReply(entry));
  const [reply, ...after] = from === -1 ? [] : entries.slice(from);
  if (reply?.type !== 'message') return NOTHING_OPEN;
  const results = new Set<string>();
  const starts = new Map<string, CallStart>();
  const asked = new Map<string, ApprovalChange[]>();
  for (const entry of after) {
    const body: unknown = JSON.parse(entry.body);
    if (entry.type === 'message') for (const { callId } of resultsIn(body as EventData<'message'>)) results.add(callId);
    if (entry.type === 'call') starts.set((body as CallStart).callId, body as CallStart);
    if (entry.type === 'approval') remember(asked, body as ApprovalChange);
  }
  const calls = callsIn(JSON.parse(reply.body) as EventData<'message'>).filter(({ callId }) => !results.has(callId));
  return {
    untouched: calls.filter(({ callId }) => !starts.has(callId)),
    begun: calls.flatMap(({ callId }) => starts.get(callId) ?? []),
    asked,
  };
}

function isReply(entry: StoredEntry): boolean {
  return entry.type === 'message' && (JSON.parse(entry.body) as EventData<'message'>).role === 'assistant';
}

function callsIn({ parts }: EventData<'message'>): ToolCallPart[] {
  return parts.filter((part) => part.type === 'tool-call');
}

function resultsIn({ parts }: EventData<'message'>): ToolResultPart[] {
  return parts.filter((part) => part.type === 'tool-result');
}

function remember(asked: Map<string, ApprovalChange[]>, change: ApprovalChange): void {
  const before = asked.get(change.callId) ?? [];
  asked.set(change.callId, [...before, change]);
}
