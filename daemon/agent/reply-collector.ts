/** Puts the pieces of a streamed reply together, up to a bound. */
import type { LanguageModelV4StreamPart, LanguageModelV4Usage } from '@ai-sdk/provider';
import type { Part } from '../../protocol/message.ts';
import type { Usage } from '../../protocol/turn.ts';
import type { StepReply, StepSink } from './step-model.ts';

const MAX_REPLY_BYTES = 4 * 1024 * 1024;

export class ReplyCollector {
  private readonly sink: StepSink;
  private readonly parts: Part[] = [];
  private bytes = 0;
  private end: Pick<StepReply, 'usage' | 'reason'> | undefined;

  constructor(sink: StepSink) {
    this.sink = sink;
  }

  /** True once the reply has passed the bound. */
  get isTooLarge(): boolean {
    return this.bytes > MAX_REPLY_BYTES;
  }

  /** The reply, once it has said why it ends. */
  get reply(): StepReply | undefined {
    return this.end === undefined ? undefined : { parts: this.parts, ...this.end };
  }

  /** Takes one piece. Pieces without content, and tool input on its way, only count. */
  add(piece: LanguageModelV4StreamPart): void {
    if (piece.type === 'text-delta') {
      if (this.append('text', piece.delta)) this.sink.text(piece.delta);
    } else if (piece.type === 'reasoning-delta') {
      if (this.append('reasoning', piece.delta)) this.sink.reasoning(piece.delta);
    } else if (piece.type === 'reasoning-end') {
      this.noteMetadata(piece.providerMetadata);
    } else if (piece.type === 'tool-input-delta') {
      this.bytes += Buffer.byteLength(piece.delta);
    } else if (piece.type === 'tool-call') {
      this.parts.push({ type: 'tool-call', callId: piece.toolCallId, name: piece.toolName, arguments: piece.input });
    } else if (piece.type === 'finish') {
      this.end = { usage: toUsage(piece.usage), reason: toReason(piece.finishReason) };
    }
  }

  private append(type: 'text' | 'reasoning', delta: string): boolean {
    this.bytes += Buffer.byteLength(delta);
    if (delta === '' || this.isTooLarge) return false;
    const last = this.parts.at(-1);
    if (last?.type === type) last.text += delta;
    else this.parts.push({ type, text: delta });
    return true;
  }

  private noteMetadata(providerMetadata: Record<string, unknown> | undefined): void {
    const last = this.parts.findLast((part) => part.type === 'reasoning');
    if (last !== undefined && providerMetadata !== undefined) last.providerMetadata = providerMetadata;
  }
}

function toUsage(usage: LanguageModelV4Usage): Usage {
  return { inputTokens: toCount(usage.inputTokens.total), outputTokens: toCount(usage.outputTokens.total) };
}

/** What a server counts is not always a number; a turn must not fail for it. */
function toCount(value: number | undefined): number {
  return value !== undefined && Number.isSafeInteger(Math.round(value)) && value > 0 ? Math.round(value) : 0;
}

function toReason(reason: { unified: string; raw: string | undefined }): string {
  if (reason.unified !== 'other') return reason.unified;
  return /^[a-z][a-z0-9_-]{0,39}$/i.exec(reason.raw ?? '')?.[0] ?? 'other';
}
