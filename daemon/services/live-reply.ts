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

export interface LiveReplyTarget {
  /** Text that clients have not been told. `offset` is where it begins. */
  notice(reply: LiveReply, channel: LiveChannel, offset: number, text: string): void;
  /** Text since the last draft. `chunk` counts from 1. */
  draft(reply: LiveReply, chunk: number, text: string, reasoning: string): void;
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
    this.#draftTimer ??= setTimeout(() => {
      this.#draftTimer = undefined;
      this.writeDraft();
    }, DRAFT_MS);
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

  /** Hands out what is not part of any draft yet. */
  writeDraft(): void {
    const text = this.#written.text.slice(this.#drafted.text);
    const reasoning = this.#written.reasoning.slice(this.#drafted.reasoning);
    if (text === '' && reasoning === '') return;
    this.#drafted.text = this.#written.text.length;
    this.#drafted.reasoning = this.#written.reasoning.length;
    this.#chunks += 1;
    this.#target.draft(this, this.#chunks, text, reasoning);
  }

  end(): void {
    clearTimeout(this.#noticeTimer);
    clearTimeout(this.#draftTimer);
  }
}
