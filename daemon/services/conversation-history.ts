/** The conversation that a model is sent: the newest part of a session's messages, as summaries and retries leave it. */
import type { EventData } from '../../protocol/event.ts';
import type { Message } from '../../protocol/message.ts';
import { imageSize, NewestImages } from '../domain/newest-images.ts';
import { withSummary, type SummedUp } from '../domain/summary.ts';
import type { StoredEntry, VaultPort } from './ports.ts';
import { presentMessage } from './present.ts';

/** Longest part of a conversation that is sent, in bytes of stored messages without their images. */
const MAX_BYTES = 8 * 1024 * 1024;
/** What is read for it at most. */
const MAX_READ = 64 * 1024 * 1024;
const PAGE = 500;
const PAGE_BYTES = 1024 * 1024;

/**
 * Oldest first, as it is stored. A summary takes the place of the messages that it stands for. The prompt of a turn that
 * is itself longer than what is sent stands at its beginning all the same.
 */
export async function readConversation(vault: VaultPort, sessionId: string): Promise<Message[]> {
  const messages = await readNewest(vault, sessionId);
  const [oldest] = messages;
  if (oldest === undefined || messages.some(({ role }) => role === 'user')) return messages;
  const seq = await vault.lastOfTurn(sessionId, oldest.turn - 1);
  const { entries } = await vault.read({ sessionId, after: seq, limit: 1, maxBytes: 1, only: ['message'] });
  return [...entries.map(presentMessage), ...messages];
}

/** Whether the last reply of a turn stands: the only one without calls. */
export function isAnswered(messages: readonly Message[], turn: number): boolean {
  const last = messages.at(-1);
  return last?.role === 'assistant' && last.turn === turn && !last.parts.some(({ type }) => type === 'tool-call');
}

async function readNewest(vault: VaultPort, sessionId: string): Promise<Message[]> {
  const view = new View();
  let before: number | undefined;
  let read = 0;
  while (view.size < MAX_BYTES && read < MAX_READ) {
    const { entries, more } = await vault.read({
      sessionId,
      ...(before === undefined ? {} : { before }),
      limit: PAGE,
      maxBytes: Math.min(MAX_BYTES - view.size, PAGE_BYTES),
      only: ['message', 'summary', 'retry'],
    });
    for (const entry of entries.toReversed()) if (!view.add(entry)) return view.oldestFirst();
    for (const entry of entries) read += entry.body.length;
    before = entries[0]?.seq;
    if (!more || before === undefined) break;
  }
  return view.oldestFirst();
}

/** Takes entries newest first, and leaves out what is not sent any more. */
class View {
  readonly #newestFirst: Message[] = [];
  readonly #images = new NewestImages();
  #size = 0;
  /** Messages after this are left out, down from where a turn was begun again. */
  #leftOutAfter = Infinity;
  #summary: SummedUp | undefined;

  /** Bytes of what was taken, without images. */
  get size(): number {
    return this.#size;
  }

  /** @returns false when nothing older is needed. */
  add(entry: StoredEntry): boolean {
    if (this.#summary !== undefined) {
      if (entry.seq <= this.#summary.upTo) return false;
      if (entry.type === 'summary') return true;
    }
    if (entry.type === 'summary' && entry.seq <= this.#leftOutAfter) {
      this.#summary = JSON.parse(entry.body) as EventData<'summary'>;
    }
    if (entry.type === 'retry') {
      const { after } = JSON.parse(entry.body) as EventData<'retry'>;
      this.#leftOutAfter = Math.min(this.#leftOutAfter, after);
    }
    if (entry.type === 'message' && entry.seq <= this.#leftOutAfter) {
      const message = presentMessage(entry);
      this.#size += entry.body.length - imageSize(message);
      this.#newestFirst.push(this.#images.take(message));
      this.#leftOutAfter = Infinity;
    }
    return true;
  }

  oldestFirst(): Message[] {
    const messages = this.#newestFirst.toReversed();
    return this.#summary === undefined ? messages : withSummary(messages, this.#summary);
  }
}
