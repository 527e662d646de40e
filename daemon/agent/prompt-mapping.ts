/** Puts a stored conversation into the form the provider libraries take. */
import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ReasoningPart,
  LanguageModelV4TextPart,
  LanguageModelV4ToolCallPart,
  LanguageModelV4ToolResultPart,
} from '@ai-sdk/provider';
import type { Message, Part } from '../../protocol/message.ts';

type AssistantPart = LanguageModelV4TextPart | LanguageModelV4ReasoningPart | LanguageModelV4ToolCallPart;

/**
 * The prompt for a conversation. Messages that hold nothing for a provider are left out.
 *
 * Reasoning goes back only in turns that called tools: there some models refuse a request without it, and elsewhere
 * it is ignored at best and refused as an unknown field at worst.
 */
export function toPrompt(messages: readonly Message[]): LanguageModelV4Prompt {
  const turnsWithTools = new Set(
    messages.filter((one) => one.parts.some((part) => part.type === 'tool-call')).map((one) => one.turn),
  );
  return messages.flatMap((message) => {
    const mapped = toMessage(message, turnsWithTools.has(message.turn));
    return mapped.content.length === 0 ? [] : [mapped];
  });
}

function toMessage(message: Message, withReasoning: boolean): LanguageModelV4Message {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: message.parts.flatMap(toUserPart) };
    case 'assistant':
      return { role: 'assistant', content: message.parts.flatMap((part) => toAssistantPart(part, withReasoning)) };
    case 'tool':
      return { role: 'tool', content: message.parts.flatMap(toToolPart) };
  }
}

function toUserPart(part: Part): (LanguageModelV4TextPart | LanguageModelV4FilePart)[] {
  if (part.type === 'text') return [{ type: 'text', text: part.text }];
  if (part.type === 'image')
    return [{ type: 'file', mediaType: part.mediaType, data: { type: 'data', data: part.data } }];
  return [];
}

function toAssistantPart(part: Part, withReasoning: boolean): AssistantPart[] {
  if (part.type === 'text') return [{ type: 'text', text: part.text }];
  if (part.type === 'tool-call') {
    return [{ type: 'tool-call', toolCallId: part.callId, toolName: part.name, input: part.arguments }];
  }
  if (part.type !== 'reasoning' || !withReasoning) return [];
  const reasoning: LanguageModelV4ReasoningPart = { type: 'reasoning', text: part.text };
  if (part.providerMetadata === undefined) return [reasoning];
  const providerOptions = part.providerMetadata as NonNullable<LanguageModelV4ReasoningPart['providerOptions']>;
  return [{ ...reasoning, providerOptions }];
}

function toToolPart(part: Part): LanguageModelV4ToolResultPart[] {
  if (part.type !== 'tool-result') return [];
  const output = { type: part.isError ? ('error-text' as const) : ('text' as const), value: part.output };
  return [{ type: 'tool-result', toolCallId: part.callId, toolName: part.name, output }];
}
