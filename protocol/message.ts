/** What a conversation is made of: role-tagged messages in parts. */
import * as z from 'zod/mini';
import { Sequence, Timestamp, TurnNumber } from './primitives.ts';
import { ToolDetails } from './tool.ts';

/** Where a part comes from and what its model wants back with it (a signature, say), by provider name. */
const ProviderMetadata = z.optional(z.record(z.string(), z.unknown()));

export const TextPart = z.object({
  type: z.literal('text'),
  text: z.string(),
  providerMetadata: ProviderMetadata,
});
export const ReasoningPart = z.object({
  type: z.literal('reasoning'),
  /** May be empty: some servers keep the words and send only what they want back. */
  text: z.string(),
  providerMetadata: ProviderMetadata,
});
export const ToolCallPart = z.object({
  type: z.literal('tool-call'),
  callId: z.string(),
  name: z.string(),
  /** JSON text exactly as the model wrote it, which need not be valid. */
  arguments: z.string(),
  providerMetadata: ProviderMetadata,
});
export const ImagePart = z.object({
  type: z.literal('image'),
  mediaType: z.string(),
  /** Base64. */
  data: z.string(),
});
export const ToolResultPart = z.object({
  type: z.literal('tool-result'),
  callId: z.string(),
  name: z.string(),
  /** What the model is told. */
  output: z.string(),
  isError: z.boolean(),
  images: z.optional(z.array(ImagePart)),
  /** What people are shown besides. */
  details: z.optional(ToolDetails),
});

export type ToolCallPart = z.infer<typeof ToolCallPart>;
export type ToolResultPart = z.infer<typeof ToolResultPart>;
export type ImagePart = z.infer<typeof ImagePart>;

export const Part = z.discriminatedUnion('type', [TextPart, ReasoningPart, ToolCallPart, ToolResultPart, ImagePart]);
export type Part = z.infer<typeof Part>;

/** Longest text of one part of a prompt, in UTF-16 units. */
const MAX_PROMPT_TEXT = 4 * 1024 * 1024;

const PromptTextPart = z.object({
  type: z.literal('text'),
  text: z.string().check(z.maxLength(MAX_PROMPT_TEXT)),
});

/** Parts that a person can send. */
export const PromptPart = z.discriminatedUnion('type', [PromptTextPart, ImagePart]);
export type PromptPart = z.infer<typeof PromptPart>;

export const Role = z.enum(['user', 'assistant', 'tool']);
export type Role = z.infer<typeof Role>;

export const Message = z.object({
  seq: Sequence,
  turn: TurnNumber,
  role: Role,
  parts: z.array(Part),
  at: Timestamp,
});
export type Message = z.infer<typeof Message>;
