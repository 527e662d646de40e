/** Keeps what a model writes while it writes it: told to clients at once, drafted each second, cut off when it ends early. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Part } from '../../protocol/message.ts';
import type { EventHub } from './event-hub.ts';
import { LiveReply, type LiveChannel } from './live-reply.ts';
import type { NewEntry, VaultPort } from './ports.ts';
import type { DraftChunk } from './waiting-shapes.ts';
import { isStorageTrouble, type SessionWriter } from './session-writer.ts';

export interface ReplyWritingParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly writer: SessionWriter;
}

export class ReplyWriting {
  readonly #sessionId: string;
  readonly #turn: number;
  readonly #parts: ReplyWritingParts;
  #live: LiveReply | undefined;
  /** Everything that is on its way to the vault, in order. */
  #background: Promise<void> = Promise.resolve();
  #unexpected: Error | undefined;

  constructor(sessionId: string, turn: number, parts: ReplyWritingParts) {
    this.#sessionId = sessionId;
    this.#turn = turn;
    this.#parts = parts;
  }

  /** The reply of a step begins. */
  begin(step: number): void {
    this.end();
    this.#live = new LiveReply(this.#turn, step, {
      notice: (reply, channel, offset, text) => {
        this.#parts.hub.delta(this.#sessionId, reply, channel, offset, text);
      },
      draft: (reply, stretch) => this.#writeDraft({ turn: this.#turn, step: reply.step, ...stretch }),
    });
    this.#parts.hub.setLive(this.#sessionId, this.#live);
  }

  add(channel: LiveChannel, delta: string): void {
    this.#live?.add(channel, delta);
  }

  /** Work that the turn does not wait for until its next durable step, which makes up for what the store refuses here. */
  inBackground(work: () => Promise<void>): Promise<void> {
    this.#background = this.#background.then(async () => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof ProtocolError))
          this.#unexpected ??= error instanceof Error ? error : new Error('unknown');
      }
    });
    return this.#background;
  }

  /** A reply that cannot be drafted is on the screen only, and the screen says so. */
  async #writeDraft(draft: DraftChunk): Promise<boolean> {
    const { vault, writer } = this.#parts;
    let stored = false;
    await this.inBackground(async () => {
      try {
        await vault.appendDraft(this.#sessionId, draft);
        stored = true;
        writer.saved(this.#sessionId);
      } catch (error) {
        if (isStorageTrouble(error)) writer.notSaved(this.#sessionId, error);
        throw error;
      }
    });
    return stored;
  }

  /** What has been written so far, as an entry; undefined when nothing has. */
  cut(reason: 'cancelled' | 'broken-stream' | 'stopped'): NewEntry | undefined {
    const live = this.#live;
    if (live === undefined || live.isEmpty) return undefined;
    const { step, text, reasoning } = live.whole();
    return this.#parts.writer.entry('cutoff', this.#turn, { step, parts: partsOfReply(text, reasoning), reason });
  }

  /** Tells clients the rest and waits for what is on its way; no draft is written from here on. */
  async settle(): Promise<void> {
    this.#live?.tell();
    this.#live?.end();
    await this.#background;
    const unexpected = this.#unexpected;
    this.#unexpected = undefined;
    if (unexpected !== undefined) throw unexpected;
  }

  /** Makes what has been written so far durable as a draft. */
  async saveDraft(): Promise<void> {
    await this.#live?.writeDraft();
    await this.#background;
  }

  /** Nothing is being written any more. */
  end(): void {
    if (this.#live === undefined) return;
    this.#live.end();
    this.#live = undefined;
    this.#parts.hub.setLive(this.#sessionId, undefined);
  }
}

/** The parts of a reply that was not finished. */
export function partsOfReply(text: string, reasoning: string): Part[] {
  const parts: Part[] = [];
  if (reasoning !== '') parts.push({ type: 'reasoning', text: reasoning });
  if (text !== '') parts.push({ type: 'text', text });
  return parts;
}
