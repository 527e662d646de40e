/** Keeps what a model is sent within its window: long results are cut, and what is old is summed up. */
import { repairHistory } from '../domain/history-repair.ts';
import { withNewestImages } from '../domain/newest-images.ts';
import { withSummary } from '../domain/summary.ts';
import type { Message } from '../../protocol/message.ts';
import type { Usage } from '../../protocol/turn.ts';
import type { Summary, TurnJournal } from '../services/agent-port.ts';
import {
  cutForSummary,
  isNearlyFull,
  aQuarter,
  keptBytes,
  longestResult,
  tokensAfter,
  tokensOf,
  withResultsCut,
} from './context-window.ts';
import { ConversationTooLong } from './provider-failure.ts';
import { summaryRequest, transcriptOf } from './summary-request.ts';
import type { StepModel, StepRequest } from './step-model.ts';

/** Characters that a model of an unknown window is given to sum up at first. */
const FIRST_ATTEMPT = 400_000;
/** Of a known window, the part that is given, in characters a token. */
const CHARACTERS_PER_TOKEN = 2;
const ATTEMPTS = 5;
/** Characters of each result when a server finds a conversation too long of which nothing can be summed up. */
const SHORT_RESULT = 4_000;

const SILENT = { text: () => undefined, reasoning: () => undefined };

/** Whom a summary is asked of. */
export type SummaryAsk = Pick<StepRequest, 'model' | 'apiKey'>;

/**
 * Asks for less each time that the server finds it too long.
 * @param keep bytes of the newest part, which is not summed up.
 * @returns undefined when there is nothing to sum up.
 */
export async function sumUp(
  model: StepModel,
  ask: SummaryAsk,
  conversation: { messages: readonly Message[]; keep: number; contextTokens: number | undefined },
  signal: AbortSignal,
): Promise<Omit<Summary, 'automatic'> | undefined> {
  const { messages, keep, contextTokens } = conversation;
  const { before, upTo } = cutForSummary(messages, keep);
  if (before.length === 0) return undefined;
  const transcript = transcriptOf(before);
  const room = contextTokens === undefined ? FIRST_ATTEMPT : contextTokens * CHARACTERS_PER_TOKEN;
  let longest = Math.min(room, transcript.length);
  for (let attempt = 1; ; attempt += 1) {
    const request = { ...ask, messages: summaryRequest(transcript, longest), system: '', tools: [] };
    try {
      const { parts, usage } = await model.step(request, SILENT, signal);
      return { upTo, text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''), usage };
    } catch (error) {
      if (!(error instanceof ConversationTooLong) || attempt === ATTEMPTS) throw error;
      longest = Math.floor(longest / 2);
    }
  }
}

export interface TurnWindowParts {
  readonly model: StepModel;
  readonly contextTokens: number | undefined;
  /** Of what each request holds besides the conversation. */
  readonly tokensBeside: number;
  /** Part of the window at which a conversation is summed up; 1 never. */
  readonly compactAt: number;
  readonly ask: SummaryAsk;
  readonly journal: TurnJournal;
  readonly signal: AbortSignal;
}

/** The conversation of one turn, as its model sees it. */
export class TurnWindow {
  readonly #parts: TurnWindowParts;
  #messages: readonly Message[];
  #longestResult: number;

  constructor(parts: TurnWindowParts, messages: readonly Message[]) {
    this.#parts = parts;
    this.#messages = messages;
    this.#longestResult = longestResult(parts.contextTokens);
  }

  add(...messages: readonly Message[]): void {
    this.#messages = withNewestImages([...this.#messages, ...messages]);
  }

  /** What the next request holds. */
  get view(): Message[] {
    return repairHistory(withResultsCut(this.#messages, this.#longestResult));
  }

  /** Before the first request, of which nobody has counted the tokens. */
  async makeRoomAtFirst(): Promise<void> {
    await this.#makeRoom(this.#estimate());
  }

  /** After a step. @param since what has come to the conversation besides the reply, whose usage is known. */
  async makeRoom(usage: Usage, since: readonly Message[]): Promise<void> {
    const isCounted = usage.inputTokens + usage.outputTokens > 0;
    const added = withResultsCut(since, this.#longestResult);
    await this.#makeRoom(isCounted ? tokensAfter(usage, added) : this.#estimate());
  }

  /**
   * After a server has found the conversation too long, whatever was thought of its window: it is summed up, and when that
   * is not possible or was not enough, long results are cut.
   * @returns false when nothing can be done about it.
   */
  async shorten({ again }: { again: boolean }): Promise<boolean> {
    const { contextTokens, compactAt } = this.#parts;
    if (compactAt >= 1) return false;
    if (!again && (await this.#sumUp(aQuarter(this.#messages, contextTokens)))) return true;
    const isLong = this.view.some(({ parts }) =>
      parts.some((part) => part.type === 'tool-result' && part.output.length > SHORT_RESULT * 2),
    );
    if (isLong) this.#longestResult = Math.min(this.#longestResult, SHORT_RESULT);
    return isLong;
  }

  #estimate(): number {
    return this.#parts.tokensBeside + tokensOf(this.view);
  }

  async #makeRoom(tokens: number): Promise<void> {
    const { contextTokens, compactAt } = this.#parts;
    if (isNearlyFull(tokens, contextTokens, compactAt)) await this.#sumUp(keptBytes(contextTokens));
  }

  /** @returns false when there is nothing to sum up, or the model said nothing. */
  async #sumUp(keep: number): Promise<boolean> {
    const { model, ask, contextTokens, journal, signal } = this.#parts;
    const conversation = { messages: this.#messages, keep, contextTokens };
    const summary = await sumUp(model, ask, conversation, signal);
    if (summary === undefined || summary.text.trim() === '') return false;
    await journal.summary({ ...summary, automatic: true });
    this.#messages = withSummary(this.#messages, summary);
    return true;
  }
}
