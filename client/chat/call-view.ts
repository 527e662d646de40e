/** Shows tool calls in a conversation: a line when one begins, its output while it runs, what came of it. */
import type { Answer } from '../calls/answers.ts';
import type { InkLine } from '../calls/ink-line.ts';
import type { Marks } from '../calls/marks.ts';
import { resultLines } from '../calls/result-lines.ts';
import { isOwn, settledSentence } from '../calls/settled-sentence.ts';
import { fittedRow, harmlessRow } from '../calls/text-lines.ts';
import type { Change } from '../conversation/change.ts';
import { isOver } from '../conversation/turn-book.ts';
import type { SessionEvent } from '../../protocol/event.ts';
import type { Message, Part, ToolResultPart } from '../../protocol/message.ts';
import type { ApprovalMode, ApprovalQuestion, CallStart } from '../../protocol/tool.ts';
import { LiveTail } from './live-tail.ts';

export interface CallViewOptions {
  /** A person watches: what runs is shown while it runs. */
  readonly interactive: boolean;
  readonly marks: Marks;
  readonly columns: () => number;
  readonly rows: () => number;
}

export interface CallViewPlace {
  /** Whole lines that stay. */
  tell(lines: readonly InkLine[]): void;
  /** Rows that are there for the moment. */
  live(rows: readonly string[]): void;
}

type ChangeOf<K extends Change['kind']> = Extract<Change, { kind: K }>;

/** Rows of running output, when the terminal is not lower than three times as many. */
const MOST_LIVE = 5;
const INDENT = '  ';

export class CallView {
  readonly #place: CallViewPlace;
  readonly #options: CallViewOptions;
  /** Calls that have begun and have no result yet. */
  readonly #begun = new Map<string, CallStart>();
  /** What was shown of questions: a diff that a person has seen is not shown again. */
  readonly #asked = new Map<string, ApprovalQuestion>();
  /** Answers that are on their way from here. */
  readonly #mine = new Map<string, Answer['decision']>();
  readonly #rejected = new Set<string>();
  /** The call whose line was the last thing said of any. */
  #last: string | undefined;
  #tail: { readonly callId: string; readonly lines: LiveTail } | undefined;
  #mode: ApprovalMode | undefined;
  #sessionId = '';

  constructor(place: CallViewPlace, options: CallViewOptions) {
    this.#place = place;
    this.#options = options;
  }

  /** Another session, or the same one anew. @param past what happened in it before. */
  begin(sessionId: string, past: readonly SessionEvent[]): void {
    this.#sessionId = sessionId;
    for (const kept of [this.#begun, this.#asked, this.#mine, this.#rejected]) kept.clear();
    this.#endTail();
    for (const event of past) {
      if (event.type === 'call') this.#begun.set(event.data.callId, event.data);
      if (event.type === 'approval' && event.data.state === 'rejected') this.#rejected.add(event.data.callId);
      if (event.type === 'turn' && isOver(event.data.state)) this.over();
      if (event.type === 'message') for (const part of event.data.parts) this.#forget(part);
    }
  }

  /** A question stands on the screen. */
  questionShown(question: ApprovalQuestion): void {
    this.#asked.set(question.callId, question);
    this.#mode = undefined;
  }

  /** This frontend is answering; without a decision, its answer was not taken. */
  answering(callId: string, decision?: Answer['decision']): void {
    if (decision === undefined) this.#mine.delete(callId);
    else this.#mine.set(callId, decision);
  }

  /** A mode was chosen, which may answer what is asked. */
  modeChosen(mode: ApprovalMode): void {
    this.#mode = mode;
  }

  call({ call }: ChangeOf<'call'>): void {
    this.#begun.set(call.callId, call);
    this.#last = call.callId;
    const text = `${this.#options.marks.call} ${harmlessRow(call.title)}`;
    this.#place.tell([call.effect === 'read' ? { text, ink: 'dim' } : { text }]);
  }

  approval({ change }: ChangeOf<'approval'>): void {
    if (change.state === 'asked') return;
    if (change.state === 'rejected') this.#rejected.add(change.callId);
    const mine = isOwn(change, this.#mine.get(change.callId));
    this.#mine.delete(change.callId);
    if (!this.#asked.has(change.callId)) return;
    const sentence = settledSentence(change, { mine, mode: this.#mode });
    this.#place.tell([{ text: INDENT + sentence, ink: change.state === 'allowed' ? 'dim' : 'yellow' }]);
  }

  output({ callId, text, missed }: ChangeOf<'output'>): void {
    if (!this.#options.interactive) return;
    const rows = Math.max(1, Math.min(MOST_LIVE, Math.floor(this.#options.rows() / 3)));
    if (this.#tail?.callId !== callId) this.#tail = { callId, lines: new LiveTail(rows) };
    const { lines } = this.#tail;
    if (missed) lines.gap();
    lines.push(text);
    const width = this.#options.columns() - INDENT.length - 1;
    this.#place.live(lines.lines.map((line) => INDENT + fittedRow(line, width)));
  }

  /** What came of calls. */
  results(message: Message): void {
    for (const part of message.parts) if (part.type === 'tool-result') this.#result(part);
  }

  /** Nothing of a turn runs any more. */
  over(): void {
    this.#endTail();
    this.#begun.clear();
    this.#asked.clear();
  }

  #forget(part: Part): void {
    if (part.type === 'tool-result') this.#begun.delete(part.callId);
  }

  #result(part: ToolResultPart): void {
    const { callId } = part;
    const call = this.#begun.get(callId);
    this.#begun.delete(callId);
    if (this.#tail?.callId === callId) this.#endTail();
    // The person has said so.
    if (call === undefined && this.#rejected.delete(callId)) return;
    const { columns, marks } = this.#options;
    const lines = resultLines(part, call?.effect, {
      columns: columns(),
      marks,
      isDiffKnown: this.#asked.get(callId)?.detail === part.details?.diff,
      whole: `mctl turns output ${this.#sessionId} ${harmlessRow(callId)}`,
    });
    this.#asked.delete(callId);
    if (lines.length > 0) this.#place.tell([...this.#heading(part, call), ...lines]);
    this.#last = callId;
  }

  /** Which call it is about, when the line of that call is not right above. */
  #heading({ callId, name }: ToolResultPart, call: CallStart | undefined): InkLine[] {
    const isAbove = call !== undefined && this.#last === callId;
    if (isAbove) return [];
    const title = call === undefined ? `${name} was not done` : call.title;
    return [{ text: `${this.#options.marks.call} ${harmlessRow(title)}`, ink: 'dim' }];
  }

  #endTail(): void {
    if (this.#tail === undefined) return;
    this.#tail = undefined;
    this.#place.live([]);
  }
}
