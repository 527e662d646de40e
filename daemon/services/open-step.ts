/** The step of a turn that was not finished: which of its calls have begun, which have an answer, what was asked. */
import type { EventData } from '../../protocol/event.ts';
import type { ToolCallPart, ToolResultPart } from '../../protocol/message.ts';
import type { ApprovalChange, CallStart } from '../../protocol/tool.ts';
import { newestTurn } from './newest-turn.ts';
import type { StoredEntry, VaultPort } from './ports.ts';

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
  const after: StoredEntry[] = [];
  for await (const entry of newestTurn(vault, sessionId)) {
    if (entry.turn !== turn || entry.type === 'retry') break;
    if (isReply(entry)) return openStepOf(entry, after.reverse());
    after.push(entry);
  }
  return NOTHING_OPEN;
}

/** @param after what follows the reply, oldest first. */
function openStepOf(reply: StoredEntry, after: readonly StoredEntry[]): OpenStep {
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
