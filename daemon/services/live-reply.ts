/** The reply that is being written: what has come so far, handed on about thirty times a second. */

/** Time between two notices to clients, in milliseconds. */
const NOTICE_MS = 33;
/** Longest time that written text is in memory only, in milliseconds. */
const DRAFT_MS = 1_000;

export type LiveChannel = 'text' | 'reasoning';

export interface LiveSnapshot {
  readonly turn: number;
  readonly step: number;
  readonly text: string;
  readonly reasoning: string;
}

/** A stretch of a reply on its way into a draft. */
export interface DraftStretch {
  /** Counts from 1. */
  readonly chunk: number;
  readonly text: string;
  readonly reasoning: string;
}

export interface LiveReplyTarget {
  /** Text that clients have not been told. `offset` is where it begins. */
  notice(reply: LiveReply, channel: LiveChannel, offset: number, text: string): void;
  /** Text since the last draft. @returns false when it was not stored; it is given again, as it is, before any other. */
  draft(reply: LiveReply, stretch: DraftStretch): Promise<boolean>;
}

/** One step's reply. `end` must be called; nothing is told after it. */
export class LiveReply {
  readonly turn: number;
  readonly step: number;
  readonly #target: LiveReplyTarget;
  readonly #written: Record<LiveChannel, string> = { text: '', reasoning: '' };
  readonly #told: Record<LiveChannel, number> = { text: 0, reasoning: 0 };
  readonly #drafted: Record<LiveChannel, number> = { text: 0, reasoning: 0 };
  #chunks = 0;
  /** Handed out, and nobody knows yet that it is stored. */
  #onItsWay: DraftStretch | undefined;
  #drafting: Promise<void> = Promise.resolve();
  #ended = false;
  #noticeTimer: NodeJS.Timeout | undefined;
  #draftTimer: NodeJS.Timeout | undefined;

  constructor(turn: number, step: number, target: LiveReplyTarget) {
    this.turn = turn;
    this.step = step;
    this.#target = target;
  }

  /** Whether anything has come. */
  get isEmpty(): boolean {
    return this.#written.text === '' && this.#written.reasoning === '';
  }

  add(channel: LiveChannel, delta: string): void {
    if (delta === '') return;
    this.#written[channel] += delta;
    this.#noticeTimer ??= setTimeout(() => {
      this.#noticeTimer = undefined;
      this.tell();
    }, NOTICE_MS);
    this.#draftSoon();
  }

  /** What clients have been told; a client that joins now gets this and everything after it. */
  told(): LiveSnapshot {
    return {
      turn: this.turn,
      step: this.step,
      text: this.#written.text.slice(0, this.#told.text),
      reasoning: this.#written.reasoning.slice(0, this.#told.reasoning),
    };
  }

  /** Everything that has come. */
  whole(): LiveSnapshot {
    return { turn: this.turn, step: this.step, ...this.#written };
  }

  /** Tells clients what they have not been told yet. */
  tell(): void {
    for (const channel of ['reasoning', 'text'] as const) {
      const offset = this.#told[channel];
      const text = this.#written[channel].slice(offset);
      if (text === '') continue;
      this.#told[channel] = this.#written[channel].length;
      this.#target.notice(this, channel, offset, text);
    }
  }

  /** Hands out what is not part of any draft yet, stretch by stretch, until one is refused. */
  writeDraft(): Promise<void> {
    this.#drafting = this.#drafting.then(() => this.#writeStretches());
    return this.#drafting;
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#noticeTimer);
    clearTimeout(this.#draftTimer);
  }

  async #writeStretches(): Promise<void> {
    for (;;) {
      this.#onItsWay ??= this.#nextStretch();
      if (this.#onItsWay === undefined || this.#ended) return;
      if (!(await this.#target.draft(this, this.#onItsWay))) break;
      this.#onItsWay = undefined;
    }
    this.#draftSoon();
  }

  #nextStretch(): DraftStretch | undefined {
    const text = this.#written.text.slice(this.#drafted.text);
    const reasoning = this.#written.reasoning.slice(this.#drafted.reasoning);
    if (text === '' && reasoning === '') return undefined;
    this.#drafted.text = this.#written.text.length;
    this.#drafted.reasoning = this.#written.reasoning.length;
    this.#chunks += 1;
    return { chunk: this.#chunks, text, reasoning };
  }

  #draftSoon(): void {
    if (this.#ended) return;
    this.#draftTimer ??= setTimeout(() => {
      this.#draftTimer = undefined;
      void this.writeDraft();
    }, DRAFT_MS);
  }
}
