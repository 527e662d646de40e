/** Puts a stored conversation into the form the provider libraries take, within what each format allows. */
import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ReasoningPart,
  LanguageModelV4TextPart,
  LanguageModelV4ToolCallPart,
  LanguageModelV4ToolResultPart,
} from '@ai-sdk/provider';
import type { ImagePart, Message, Part, ToolResultPart } from '../../protocol/message.ts';
import { CallNames } from './call-names.ts';
import { keptFor, type Kept, type Origin } from './part-origin.ts';

/** What a format asks of a conversation beyond what all of them ask. */
export interface PromptRules {
  /** Ids of tool calls that are taken; others are replaced. */
  readonly callId: RegExp;
  /** `text`: as the model wrote them. `object`: as a value. What is not a JSON object is put into one for both. */
  readonly callArguments: 'text' | 'object';
  /** `all`: the words are taken back. `signed`: only with what the server gave along. */
  readonly reasoning: 'all' | 'signed';
  /** Where images of a tool result stand: in it, or in a prompt behind the results, where a result is only text. */
  readonly resultImages: 'inside' | 'behind';
}

type UserPart = LanguageModelV4TextPart | LanguageModelV4FilePart;
type AssistantPart = LanguageModelV4TextPart | LanguageModelV4ReasoningPart | LanguageModelV4ToolCallPart;
type DialogMessage = Exclude<LanguageModelV4Message, { role: 'system' }>;

/**
 * The prompt for a conversation that `repairHistory` has been over.
 *
 * - It begins with a prompt: a history that was cut may begin elsewhere, and no server takes that.
 * - Blank text, which some servers refuse, and messages that hold nothing else are left out; what then stands side by
 *   side with the same role becomes one message, and so do the results of one step.
 * - Reasoning goes back only in the turn that is being answered, and only to the model that wrote it. There some
 *   servers refuse a request without it; later it is ignored at best, and refused at worst because what stood before it
 *   has changed.
 *
 * @returns an empty list when there is nothing to be answered.
 */
export function toPrompt(messages: readonly Message[], origin: Origin, rules: PromptRules): LanguageModelV4Prompt {
  const begin = messages.findIndex((message) => message.role === 'user' && message.parts.some(isContent));
  const turn = messages.at(-1)?.turn;
  const names = new CallNames(rules.callId);
  const prompt: DialogMessage[] = [];
  const add = (mapped: DialogMessage): void => {
    if (mapped.content.length > 0 && !join(prompt.at(-1), mapped)) prompt.push(mapped);
  };
  const images: UserPart[] = [];
  for (const message of begin === -1 ? [] : messages.slice(begin)) {
    if (message.role !== 'tool') add({ role: 'user', content: images.splice(0) });
    add(toMessage(message, { origin, rules, names, withReasoning: message.turn === turn }));
    if (rules.resultImages === 'behind') images.push(...message.parts.flatMap(toShownImages));
  }
  add({ role: 'user', content: images });
  return prompt.at(-1)?.role === 'assistant' ? [] : prompt;
}

interface Mapping {
  readonly origin: Origin;
  readonly rules: PromptRules;
  readonly names: CallNames;
  readonly withReasoning: boolean;
}

function toMessage(message: Message, mapping: Mapping): DialogMessage {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: message.parts.filter(isContent).flatMap(toUserPart) };
    case 'assistant':
      return { role: 'assistant', content: message.parts.flatMap((part) => toAssistantPart(part, mapping)) };
    case 'tool':
      return { role: 'tool', content: message.parts.flatMap((part) => toToolPart(part, mapping)) };
  }
}

/** Adds a message to the one before it, when both have the same role. */
function join(before: DialogMessage | undefined, message: DialogMessage): boolean {
  if (before?.role === 'user' && message.role === 'user') before.content.push(...message.content);
  else if (before?.role === 'assistant' && message.role === 'assistant') before.content.push(...message.content);
  else if (before?.role === 'tool' && message.role === 'tool') before.content.push(...message.content);
  else return false;
  return true;
}

function isContent(part: Part): boolean {
  return part.type === 'image' || (part.type === 'text' && part.text.trim() !== '');
}

function toUserPart(part: Part): UserPart[] {
  if (part.type === 'text') return [{ type: 'text', text: part.text }];
  return part.type === 'image' ? [toFile(part)] : [];
}

function toAssistantPart(part: Part, mapping: Mapping): AssistantPart[] {
  switch (part.type) {
    case 'text': {
      const signature = signatureOf(part, mapping);
      return isContent(part) || signature.providerOptions !== undefined
        ? [{ type: 'text', text: part.text, ...signature }]
        : [];
    }
    case 'reasoning':
      return toReasoning(part, mapping);
    case 'tool-call': {
      const { toolCallId, toolName } = mapping.names.ofCall(part);
      const input = toInput(part.arguments, mapping.rules.callArguments);
      return [{ type: 'tool-call', toolCallId, toolName, input, ...signatureOf(part, mapping) }];
    }
    case 'tool-result':
    case 'image':
      return [];
  }
}

function toReasoning(part: Extract<Part, { type: 'reasoning' }>, mapping: Mapping): LanguageModelV4ReasoningPart[] {
  if (!mapping.withReasoning || keptFor(mapping.origin, part.providerMetadata) === undefined) return [];
  const signature = signatureOf(part, mapping);
  if (mapping.rules.reasoning === 'signed' && signature.providerOptions === undefined) return [];
  return [{ type: 'reasoning', text: part.text, ...signature }];
}

/** What the model wants back with a part of its own. */
function signatureOf(
  part: { readonly providerMetadata?: Readonly<Record<string, unknown>> | undefined },
  mapping: Mapping,
): { providerOptions?: Kept } {
  const kept = keptFor(mapping.origin, part.providerMetadata);
  return kept === undefined || Object.keys(kept).length === 0 ? {} : { providerOptions: kept };
}

/** The arguments of a call. Servers read them again with each request, and some then fail at what is no JSON object. */
function toInput(text: string, form: PromptRules['callArguments']): unknown {
  const value = objectIn(text || '{}');
  if (form === 'text') return value === undefined ? JSON.stringify({ unreadable: text }) : text || '{}';
  return value ?? { unreadable: text };
}

/** @returns undefined when it is something else: a model writes what it likes, and is shown its own words again. */
function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function toToolPart(part: Part, { names, rules }: Mapping): LanguageModelV4ToolResultPart[] {
  if (part.type !== 'tool-result') return [];
  return [{ type: 'tool-result', ...names.ofResult(part), output: toOutput(part, rules) }];
}

function toOutput(part: ToolResultPart, rules: PromptRules): LanguageModelV4ToolResultPart['output'] {
  const { output, isError, images = [] } = part;
  const text = output.trim() === '' ? (isError ? 'It failed without a word.' : 'It said nothing.') : output;
  if (isError) return { type: 'error-text', value: text };
  if (images.length === 0) return { type: 'text', value: text };
  if (rules.resultImages === 'behind') return { type: 'text', value: `${text}\n(The image follows the results.)` };
  return { type: 'content', value: [{ type: 'text', text }, ...images.map(toFile)] };
}

/** The images of a result, with the words that say where they come from. */
function toShownImages(part: Part): UserPart[] {
  if (part.type !== 'tool-result' || part.isError || part.images === undefined || part.images.length === 0) return [];
  return [{ type: 'text', text: `What ${part.name} has shown:` }, ...part.images.map(toFile)];
}

function toFile({ mediaType, data }: ImagePart): LanguageModelV4FilePart {
  return { type: 'file', mediaType, data: { type: 'data', data } };
}
