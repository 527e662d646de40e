/** What differs between the formats in which servers are spoken to. */
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider';
import type { ProviderConfiguration } from '../config/configuration.ts';
import type { PromptRules } from './prompt-mapping.ts';

/** A server, as the library for its format needs it. */
interface Connection {
  readonly provider: ProviderConfiguration;
  readonly apiKey: string | undefined;
  readonly fetch: typeof globalThis.fetch;
}

export interface WireFormat {
  /** How the address of such a server usually ends, for hints. */
  readonly usualEnd: string;
  /** What is added to the address to list models. */
  readonly modelsPath: string;
  readonly prompt: PromptRules;
  /** A model of a server. The library is loaded at the first use. */
  connect(connection: Connection, model: string): Promise<LanguageModelV4>;
  /** What the configuration asks for, beside the prompt. */
  options(provider: ProviderConfiguration): Partial<LanguageModelV4CallOptions>;
  /** Headers for a request that no library makes. */
  headers(apiKey: string | undefined): Record<string, string>;
  /** The name of a model in an entry of the server's list; undefined when it has none or writes no text. */
  modelName(entry: unknown): string | undefined;
  /** Whether a piece of a stream says why the reply ends; others may follow, with what the server has counted. */
  givesReason(piece: unknown): boolean;
  /** Whether an error in a stream is only something new that the server says beside the reply. */
  isHarmless(error: unknown): boolean;
}

/** How far a model is asked to think, and how much it may write. */
export function limitsOf(provider: ProviderConfiguration): Partial<LanguageModelV4CallOptions> {
  return {
    ...(provider.reasoning === undefined ? {} : { reasoning: provider.reasoning }),
    ...(provider.maxOutputTokens === undefined ? {} : { maxOutputTokens: provider.maxOutputTokens }),
  };
}

/** Whether the first of a list in a JSON object has a text in that field. */
export function firstHasText(value: unknown, list: string, field: string): boolean {
  const items = fieldsOf(value)[list];
  return Array.isArray(items) && typeof fieldsOf(items[0])[field] === 'string';
}

/** The fields of a JSON object; none when it is something else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
