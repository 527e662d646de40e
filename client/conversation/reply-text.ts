/** The reply that is being written, as far as it has been shown: gives every character once. */
import type { LiveReply } from '../connection/api.ts';
import type { EventData } from '../../protocol/event.ts';
import type { Part } from '../../protocol/message.ts';

export type Channel = EventData<'delta'>['channel'];

/** Text that was not given before. */
export interface TextPiece {
  readonly turn: number;
  readonly step: number;
  readonly channel: Channel;
  /** Where it begins within the step, in UTF-16 units. */
  readonly offset: number;
  readonly text: string;
  /** What was given of this step before is void; this replaces it. */
  readonly afresh: boolean;
}

const CHANNELS: readonly Channel[] = ['reasoning', 'text'];

export class ReplyText {
  readonly #give: (piece: TextPiece) => void;
  #shown: LiveReply | null = null;
  #finished = { turn: 0, steps: 0 };

  constructor(give: (piece: TextPiece) => void) {
    this.#give = give;
  }

  clear(): void {
    this.#shown = null;
  }

  /** More text. A piece that leaves a hole is dropped: the durable message brings what is missing. */
  delta(turn: number, data: EventData<'delta'>): void {
    const shown = this.#at(turn, data.step)[data.channel];
    if (data.offset > shown.length) return;
    const overlap = shown.slice(data.offset, data.offset + data.text.length);
    if (data.text.startsWith(overlap)) this.#add(turn, data.step, data.channel, data.text.slice(overlap.length));
    // Another attempt after a crash that left no trace of this one: what is new begins where it did.
    else this.#replace(turn, data.step, data.channel, shown.slice(0, data.offset) + data.text);
  }

  /** The live text as the daemon has it, after attaching or attaching again. */
  adopt(live: LiveReply): void {
    this.#at(live.turn, live.step);
    for (const channel of CHANNELS) this.#complete(live.turn, live.step, channel, live[channel]);
  }

  /** A durable reply. */
  finish(turn: number, parts: readonly Part[]): void {
    const step = this.#stepOf(turn);
    this.#at(turn, step);
    for (const channel of CHANNELS) this.#complete(turn, step, channel, textOf(parts, channel));
    this.#finished = { turn, steps: step };
    this.#shown = null;
  }

  /** A reply that ended before its time: what was stored of it is shown, and what is shown beyond that stays. */
  cutOff(turn: number, step: number, parts: readonly Part[]): void {
    const shown = this.#at(turn, step);
    for (const channel of CHANNELS) {
      const stored = textOf(parts, channel);
      if (stored.startsWith(shown[channel])) this.#add(turn, step, channel, stored.slice(shown[channel].length));
    }
    this.#shown = null;
  }

  #at(turn: number, step: number): LiveReply {
    const shown = this.#shown;
    if (shown !== null && shown.turn === turn && shown.step === step) return shown;
    this.#shown = { turn, step, text: '', reasoning: '' };
    return this.#shown;
  }

  #stepOf(turn: number): number {
    if (this.#shown?.turn === turn) return this.#shown.step;
    return this.#finished.turn === turn ? this.#finished.steps + 1 : 1;
  }

  /** Brings a channel to a text that begins with what was shown, is shorter than that, or is another one altogether. */
  #complete(turn: number, step: number, channel: Channel, whole: string): void {
    const shown = this.#at(turn, step)[channel];
    if (whole.startsWith(shown)) this.#add(turn, step, channel, whole.slice(shown.length));
    else if (!shown.startsWith(whole)) this.#replace(turn, step, channel, whole);
  }

  #add(turn: number, step: number, channel: Channel, text: string): void {
    if (text === '') return;
    const before = this.#at(turn, step);
    this.#shown = { ...before, [channel]: before[channel] + text };
    this.#give({ turn, step, channel, offset: before[channel].length, text, afresh: false });
  }

  #replace(turn: number, step: number, channel: Channel, text: string): void {
    this.#shown = { ...this.#at(turn, step), [channel]: text };
    this.#give({ turn, step, channel, offset: 0, text, afresh: true });
  }
}

/** The text of one channel in the parts of a message. */
export function textOf(parts: readonly Part[], channel: Channel = 'text'): string {
  return parts.map((part) => (part.type === channel ? part.text : '')).join('');
}
