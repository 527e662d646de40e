/** Tool calls of a run, for a person who watches it: a line when one begins, a line of what came of it. */
import type { Answer } from '../calls/answers.ts';
import type { Marks } from '../calls/marks.ts';
import { resultWords } from '../calls/result-lines.ts';
import { isOwn, settledSentence } from '../calls/settled-sentence.ts';
import { harmlessRow, revealedRow } from '../calls/text-lines.ts';
import type { Paint } from '../command-line/style.ts';
import type { Change } from '../conversation/change.ts';
import { turnSentence } from '../files/change-words.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';

const INDENT = '  ';

export class CallLines {
  readonly #marks: Marks;
  readonly #paint: Paint;
  readonly #begun = new Set<string>();
  /** Answers that are on their way from here. */
  readonly #mine = new Map<string, Answer['decision']>();
  #mode: ApprovalMode | undefined;

  constructor(marks: Marks, paint: Paint) {
    this.#marks = marks;
    this.#paint = paint;
  }

  /** This run is answering; without a decision, its answer was not taken. */
  answering(callId: string, decision?: Answer['decision']): void {
    if (decision === undefined) this.#mine.delete(callId);
    else this.#mine.set(callId, decision);
  }

  /** @returns lines for stderr, harmless and dressed. */
  see(change: Change): string[] {
    if (change.kind === 'settings') this.#mode = change.mode ?? this.#mode;
    if (change.kind === 'call') {
      this.#begun.add(change.call.callId);
      return [this.#paint('dim', `${this.#marks.call} ${revealedRow(change.call.title)}`)];
    }
    if (change.kind === 'approval') return this.#approval(change);
    if (change.kind === 'snapshot') {
      const sentence = turnSentence(change.entry, []);
      return sentence === undefined ? [] : [this.#paint('dim', harmlessRow(sentence))];
    }
    return change.kind === 'message' ? this.#results(change) : [];
  }

  #approval({ change }: Extract<Change, { kind: 'approval' }>): string[] {
    if (change.state === 'asked') {
      this.#mode = undefined;
      return [];
    }
    const mine = isOwn(change, this.#mine.get(change.callId));
    this.#mine.delete(change.callId);
    return [this.#paint('dim', INDENT + settledSentence(change, { mine, mode: this.#mode }))];
  }

  #results({ message }: Extract<Change, { kind: 'message' }>): string[] {
    return message.parts.flatMap((part) => {
      if (part.type !== 'tool-result' || !this.#begun.delete(part.callId)) return [];
      const words = resultWords(part, this.#marks);
      return words === '' ? [] : [this.#paint(part.isError ? 'red' : 'dim', INDENT + words)];
    });
  }
}
