/** Finds out how far a turn had come, and what has to be written before it can go on. */
import type { ToolResultPart, Part } from '../../protocol/message.ts';
import type { EventData } from '../../protocol/event.ts';
import type { CallStart } from '../../protocol/tool.ts';
import type { TurnChange, TurnState } from '../../protocol/turn.ts';
import { hasEnded } from '../domain/turn-state.ts';
import { newestTurn } from './newest-turn.ts';
import { readOpenStep } from './open-step.ts';
import type { SessionHead, StoredEntry, VaultPort } from './ports.ts';
import { partsOfReply } from './reply-writing.ts';

/** How far the newest turn of a session has come. */
export interface TurnProgress {
  readonly turn: number;
  readonly state: TurnState;
  readonly reason: string | undefined;
  /** Step to go on with. */
  readonly step: number;
  /** Steps from before a person had it go on, or begin again. */
  readonly stepsBefore: number;
  /** A call of it had begun that may have changed files. */
  readonly mayHaveChanged: boolean;
  readonly unattended: boolean;
  /** What had been written of a reply that never came whole. */
  readonly draft: { readonly step: number; readonly parts: Part[] } | undefined;
}

/** @returns undefined when no turn has begun. */
export async function readProgress(vault: VaultPort, head: SessionHead): Promise<TurnProgress | undefined> {
  const sessionId = head.id;
  const changed: StoredEntry[] = [];
  const steps: StepMark[] = [];
  let mayHaveChanged = false;
  for await (const entry of newestTurn(vault, sessionId)) {
    if (entry.type === 'turn') changed.unshift(entry);
    else if (entry.type === 'call') mayHaveChanged ||= (JSON.parse(entry.body) as CallStart).effect !== 'read';
    else steps.push(...marksOf(entry));
  }
  const last = changed.at(-1);
  if (last === undefined) return undefined;
  const { turn } = last;
  const changes = changed.map((entry) => JSON.parse(entry.body) as TurnChange);
  const drafts = (await vault.readDrafts(sessionId)).filter((draft) => draft.turn === turn);
  const draft = drafts.at(-1);
  const { state = 'running', reason } = changes.at(-1) ?? {};
  const begun = changed[changes.findLastIndex(isBeginning)] ?? changed[0] ?? last;
  return {
    turn,
    state,
    reason,
    step: Math.max(lastStep(steps), draft?.step ?? 0) + 1,
    mayHaveChanged,
    stepsBefore: lastStep(steps.filter(({ seq }) => seq < begun.seq)),
    unattended: changes.some((change) => change.unattended === true),
    draft: draft === undefined ? undefined : { step: draft.step, parts: partsOfReply(draft.text, draft.reasoning) },
  };
}

/** Whether a daemon before this one has left the turn without an end. */
export function isUnfinished(progress: TurnProgress): boolean {
  return !hasEnded(progress.state);
}

/** Results for calls that had begun when their daemon ended, so that none of them is ever run again. */
export interface Aftermath {
  readonly results: readonly ToolResultPart[];
  /** Of these nobody knows whether they took effect. */
  readonly uncertain: readonly { readonly callId: string; readonly title: string }[];
}

/**
 * @param ran calls of which a process group was recorded. A command without one never ran: its process does nothing before
 *   the record is durable.
 */
export async function readAftermath(
  vault: VaultPort,
  sessionId: string,
  turn: number,
  ran: ReadonlySet<string>,
): Promise<Aftermath> {
  const { begun } = await readOpenStep(vault, sessionId, turn);
  const isUncertain = (call: CallStart): boolean =>
    call.effect === 'edit' || (call.effect === 'command' && ran.has(call.callId));
  return {
    results: begun.map((call) => resultOf(call, isUncertain(call))),
    uncertain: begun.filter(isUncertain).map(({ callId, title }) => ({ callId, title })),
  };
}

function resultOf({ callId, name, effect }: CallStart, isUncertain: boolean): ToolResultPart {
  return { type: 'tool-result', callId, name, output: wordsFor(effect, isUncertain), isError: true };
}

function wordsFor(effect: CallStart['effect'], isUncertain: boolean): string {
  const what = 'This call was interrupted by a crash';
  if (effect === 'read') return `${what} before it answered. It changes nothing; call it again if you need it.`;
  if (!isUncertain) return `${what} before it began. It was not run.`;
  return `${what}. Whether it took effect, wholly or in part, is not known: look before you repeat it.`;
}

/** Whether a turn began or was taken up again there: only then it says which model it has. */
function isBeginning({ state, model }: TurnChange): boolean {
  return state === 'running' && model !== undefined;
}

/** A reply, or the number of a step of which a part was kept. */
interface StepMark {
  readonly seq: number;
  readonly cut: number | undefined;
}

function marksOf({ seq, type, body }: StoredEntry): StepMark[] {
  if (type === 'cutoff') return [{ seq, cut: (JSON.parse(body) as EventData<'cutoff'>).step }];
  const isReply = type === 'message' && (JSON.parse(body) as EventData<'message'>).role === 'assistant';
  return isReply ? [{ seq, cut: undefined }] : [];
}

/** The highest step that left something in the log. */
function lastStep(marks: readonly StepMark[]): number {
  const replies = marks.filter(({ cut }) => cut === undefined).length;
  return marks.reduce((highest, { cut }) => Math.max(highest, cut ?? 0), replies);
}
