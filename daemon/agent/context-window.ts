/** How large a conversation is for its model, when it is summed up, and which part stays as it is. */
import type { Message, Part } from '../../protocol/message.ts';
import type { Usage } from '../../protocol/turn.ts';

/** Newest part that stays as it is, in bytes: enough to go on in the middle of something. */
const KEPT_BYTES = 40_000;
/** Of a small window, the newest part takes no more than this. */
const KEPT_PART = 0.25;
/** What a token stands for in plain text and code, as a rule of thumb. */
const BYTES_PER_TOKEN = 4;
/** An image costs about as much as so many bytes of text. */
const IMAGE_BYTES = 4_000;
/** One result may take so much of the window. */
const RESULT_PART = 0.25;

/** Tokens of messages, estimated: servers count after the fact, and some never do. */
export function tokensOf(messages: readonly Message[]): number {
  return Math.ceil(bytesOf(messages) / BYTES_PER_TOKEN);
}

/** Tokens of what each request holds besides the conversation, estimated. */
export function tokensBeside(system: string, tools: readonly object[]): number {
  return Math.ceil((Buffer.byteLength(system) + Buffer.byteLength(JSON.stringify(tools))) / BYTES_PER_TOKEN);
}

/** Whether so many tokens come near the end of the window. */
export function isNearlyFull(tokens: number, contextTokens: number | undefined, part: number): boolean {
  return contextTokens !== undefined && part < 1 && tokens >= contextTokens * part;
}

/** What a request with these messages takes, after a reply whose usage is known and what has come since. */
export function tokensAfter({ inputTokens, outputTokens }: Usage, since: readonly Message[]): number {
  return inputTokens + outputTokens + tokensOf(since);
}

/** Bytes of the newest part that stays as it is. */
export function keptBytes(contextTokens: number | undefined): number {
  const part = contextTokens === undefined ? KEPT_BYTES : contextTokens * BYTES_PER_TOKEN * KEPT_PART;
  return Math.min(KEPT_BYTES, part);
}

/** The same, but never more than a quarter of the conversation: for when it has to become shorter, however short it is. */
export function aQuarter(messages: readonly Message[], contextTokens: number | undefined): number {
  return Math.min(keptBytes(contextTokens), bytesOf(messages) / 4);
}

/** Characters of one tool result that the model of such a window is sent. */
export function longestResult(contextTokens: number | undefined): number {
  return contextTokens === undefined ? Infinity : Math.floor(contextTokens * BYTES_PER_TOKEN * RESULT_PART);
}

/**
 * Where a conversation is cut for a summary: before the newest part, and never between a reply with calls and its results.
 * @param keep bytes of the newest part; the last message stays in any case.
 * @returns the messages that are summed up, and the sequence of the last of them; none when there is too little.
 */
export function cutForSummary(
  messages: readonly Message[],
  keep: number,
): { before: readonly Message[]; upTo: number } {
  let index = messages.length - 1;
  let kept = bytesOf(messages.slice(index));
  for (; index > 0; index -= 1) {
    kept += bytesOf(messages.slice(index - 1, index));
    if (kept > keep) break;
  }
  while (index > 0 && messages[index]?.role === 'tool') index -= 1;
  const before = messages.slice(0, Math.max(0, index));
  // A summary of a summary alone gains nothing.
  return before.every(({ turn }) => turn === 0) ? { before: [], upTo: 0 } : { before, upTo: before.at(-1)?.seq ?? 0 };
}

/** @returns the messages with every result cut to a length, in its middle; what is stored stays whole. */
export function withResultsCut(messages: readonly Message[], longest: number): readonly Message[] {
  const isLong = (part: Part): boolean => part.type === 'tool-result' && part.output.length > longest;
  return messages.map((message) =>
    message.parts.some(isLong)
      ? {
          ...message,
          parts: message.parts.map((part) =>
            part.type === 'tool-result' ? { ...part, output: cutMiddle(part.output, longest) } : part,
          ),
        }
      : message,
  );
}

/** A text of at most so many characters and a note about the rest: more of its beginning than of its end. */
export function cutMiddle(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const head = whole(text.slice(0, Math.ceil(longest * 0.6)));
  const tail = whole(text.slice(text.length - Math.floor(longest * 0.4)));
  return `${head}\n[… ${text.length - head.length - tail.length} characters left out: too long for this model …]\n${tail}`;
}

/** Without the half of a character at either end. */
function whole(text: string): string {
  return text.replace(/^[\uDC00-\uDFFF]/, '').replace(/[\uD800-\uDBFF]$/, '');
}

function bytesOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { parts }) => sum + parts.reduce((bytes, part) => bytes + sizeOf(part), 0), 0);
}

function sizeOf(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return Buffer.byteLength(part.text);
    case 'tool-call':
      return Buffer.byteLength(part.arguments);
    case 'tool-result':
      return Buffer.byteLength(part.output) + (part.images?.length ?? 0) * IMAGE_BYTES;
    case 'image':
      return IMAGE_BYTES;
  }
}
