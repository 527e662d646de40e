/** Puts the pieces of a streamed reply together, up to a bound. */
import type {
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolCall,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';
import type { Part } from '../../protocol/message.ts';
import type { Usage } from '../../protocol/turn.ts';
import { storedOrigin, type Kept, type Origin } from './part-origin.ts';
import type { StepReply, StepSink } from './step-model.ts';

/** As JSON, which is how it is stored and sent: there a control character is six bytes, and a frame has a limit too. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

type Channel = 'text' | 'reasoning';
type Block = Extract<Part, { type: Channel }>;
interface BlockPiece {
  readonly type: `${Channel}-${'start' | 'delta' | 'end'}`;
  readonly id: string;
  readonly delta?: string;
  readonly providerMetadata?: Kept;
}

export class ReplyCollector {
  private readonly sink: StepSink;
  private readonly origin: Origin;
  private readonly parts: Part[] = [];
  /** Blocks that may still grow, by channel and the library's id. */
  private readonly blocks = new Map<string, Block>();
  private bytes = 0;
  private end: Pick<StepReply, 'usage' | 'reason'> | undefined;

  constructor(sink: StepSink, origin: Origin) {
    this.sink = sink;
    this.origin = origin;
  }

  /** True once the reply has passed the bound. */
  get isTooLarge(): boolean {
    return this.bytes > MAX_REPLY_BYTES;
  }

  /** Whether any of the reply has come. */
  get hasBegun(): boolean {
    return this.bytes > 0 || this.parts.length > 0;
  }

  /** Whether there is anything that a person or a tool can use. */
  get hasAnswer(): boolean {
    return this.parts.some((part) => part.type === 'tool-call' || (part.type === 'text' && part.text.trim() !== ''));
  }

  /** The reply, once it has said why it ends. */
  get reply(): StepReply | undefined {
    return this.end === undefined ? undefined : { parts: this.parts, ...this.end };
  }

  /** Takes one piece. Pieces without content, and tool input on its way, only count. */
  add(piece: LanguageModelV4StreamPart): void {
    if (isOfBlock(piece)) this.addToBlock(piece);
    else if (piece.type === 'tool-input-delta') this.bytes += encodedBytes(piece.delta);
    else if (piece.type === 'tool-call') this.addCall(piece);
    else if (piece.type === 'finish') {
      this.end = { usage: toUsage(piece.usage), reason: this.reasonOf(piece.finishReason) };
      if (this.end.reason === 'length' || this.end.reason === 'content-filter') this.spoilCallWithoutInput();
    }
  }

  private addToBlock(piece: BlockPiece): void {
    const channel = piece.type.startsWith('text') ? 'text' : 'reasoning';
    const key = `${channel} ${piece.id}`;
    // Some servers use the same id for the next block.
    if (piece.type.endsWith('start')) this.blocks.delete(key);
    const { delta = '', providerMetadata: kept } = piece;
    this.count(delta, kept);
    if ((delta === '' && kept === undefined) || this.isTooLarge) return;
    const block = this.blocks.get(key) ?? this.begin(channel, key);
    block.text += delta;
    if (kept !== undefined) block.providerMetadata = storedOrigin(this.origin, kept);
    if (delta !== '') this.sink[channel](delta);
  }

  /** Reasoning always says whose it is, so that it reaches nobody else. */
  private begin(type: Channel, key: string): Block {
    const block: Block =
      type === 'text' ? { type, text: '' } : { type, text: '', providerMetadata: storedOrigin(this.origin, undefined) };
    this.blocks.set(key, block);
    this.parts.push(block);
    return block;
  }

  private addCall(call: LanguageModelV4ToolCall): void {
    // What a server did itself is not for us to do.
    if (call.providerExecuted === true) return;
    const kept = call.providerMetadata;
    this.count('', kept);
    this.parts.push({
      type: 'tool-call',
      callId: call.toolCallId,
      name: call.toolName,
      arguments: call.input,
      ...(kept === undefined ? {} : { providerMetadata: storedOrigin(this.origin, kept) }),
    });
  }

  /** Some servers call everything a stop, or have a word of their own for calls. */
  private reasonOf(reason: LanguageModelV4FinishReason): string {
    const hasCalls = this.parts.some((part) => part.type === 'tool-call');
    if (reason.unified === 'tool-calls') return hasCalls ? 'tool-calls' : 'stop';
    const isEnd = reason.unified === 'stop' || reason.unified === 'other';
    return isEnd && hasCalls ? 'tool-calls' : toReason(reason);
  }

  /** A reply that was cut off before the input of its last call looks like a call that needs none. */
  private spoilCallWithoutInput(): void {
    const last = this.parts.at(-1);
    if (last?.type === 'tool-call' && /^\s*(\{\s*\})?\s*$/.test(last.arguments)) last.arguments = '{';
  }

  private count(text: string, kept: Kept | undefined): void {
    this.bytes += encodedBytes(text);
    if (kept !== undefined) this.bytes += Buffer.byteLength(JSON.stringify(kept));
  }
}

function isOfBlock(piece: LanguageModelV4StreamPart): piece is LanguageModelV4StreamPart & BlockPiece {
  return /^(text|reasoning)-(start|delta|end)$/.test(piece.type);
}

function toUsage(usage: LanguageModelV4Usage): Usage {
  return { inputTokens: toCount(usage.inputTokens.total), outputTokens: toCount(usage.outputTokens.total) };
}

/** What a server counts is not always a number; a turn must not fail for it. */
function toCount(value: number | undefined): number {
  return value !== undefined && Number.isSafeInteger(Math.round(value)) && value > 0 ? Math.round(value) : 0;
}

function toReason(reason: LanguageModelV4FinishReason): string {
  if (reason.unified !== 'other') return reason.unified;
  return /^[a-z][a-z0-9_-]{0,39}$/i.exec(reason.raw ?? '')?.[0] ?? 'other';
}

function encodedBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
