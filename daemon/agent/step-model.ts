/** One reply of a model: what the loop asks for and what every kind of model answers. */
import type { Message, Part } from '../../protocol/message.ts';
import type { ToolSpec } from '../services/tool-port.ts';
import type { Usage } from '../../protocol/turn.ts';

export interface StepRequest {
  /** Model name without the provider. */
  readonly model: string;
  /** The conversation, ending with what is to be answered. */
  readonly messages: readonly Message[];
  readonly apiKey: string | undefined;
  /** Instructions; empty for none. */
  readonly system: string;
  /** Tools that it may call. */
  readonly tools: readonly ToolSpec[];
}

/** Takes the reply as it is written. */
export interface StepSink {
  text(delta: string): void;
  reasoning(delta: string): void;
}

export interface StepReply {
  readonly parts: readonly Part[];
  readonly usage: Usage;
  /** `stop`, `length`, `tool-calls`, `content-filter`, or the provider's own word. */
  readonly reason: string;
}

export interface StepModel {
  /**
   * Asks once and never again by itself. After an abort nothing more reaches the sink.
   *
   * @throws ProtocolError of the kinds that AgentBackend names, or the signal's reason.
   */
  step(request: StepRequest, sink: StepSink, signal: AbortSignal): Promise<StepReply>;
}
