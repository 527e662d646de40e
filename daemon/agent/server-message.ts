/** Finds what a server says about an error in the many shapes in which servers say it. */
import { presentable } from './provider-text.ts';

/** What an error says beside its sentence. */
export interface ErrorFacts {
  /** The account is empty: waiting does not help. */
  readonly isUnpaid: boolean;
  /** The key is wrong, although the status says something else. */
  readonly isKeyRefused: boolean;
  /** The conversation does not fit into the window of the model. */
  readonly isTooLong: boolean;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

const DAY_MS = 86_400_000;

/** What the text of an error tells, whole or cut off. */
export function factsIn(text: string): ErrorFacts {
  const delay = /"retryDelay"\s*:\s*"(\d{1,9}(?:\.\d{1,9})?)s"/.exec(text)?.[1];
  return {
    isUnpaid: /insufficient_quota|billing_error|credit balance is too low/i.test(text),
    isTooLong: /context_length_exceeded|context_window_exceeded|exceed_context_size|"request_too_large"/i.test(text),
    isKeyRefused: /"API_KEY_INVALID"|"API_KEY_EXPIRED"|API key (not valid|expired)/i.test(text),
    retryAfterMs: delay === undefined ? undefined : Math.min(Math.ceil(Number(delay) * 1000), DAY_MS),
  };
}

/** The sentence in the body of an answer, fit to be shown; empty when there is none. */
export function messageInBody(body: string, secrets: readonly string[]): string {
  let parsed: unknown = body;
  try {
    parsed = JSON.parse(body);
  } catch {
    // A page for a browser says nothing in one line.
    if (/^\s*</.test(body)) return '';
  }
  return presentable(messageIn(parsed) ?? '', secrets);
}

/** The first sentence in a JSON value, as it was sent. */
export function messageIn(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > 4) return undefined;
  if (Array.isArray(value)) return messageIn(value[0], depth + 1);
  const fields = value as Record<string, unknown>;
  for (const name of ['error', 'message', 'detail', 'msg', 'errors', 'code']) {
    const found = messageIn(fields[name], depth + 1);
    if (found !== undefined && found !== '') return found;
  }
  return undefined;
}

/** The HTTP status that an error inside a stream stands for, when it tells. */
export function codeIn(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, statusCode, status, type, error } = value as Record<string, unknown>;
  for (const candidate of [code, statusCode, status, type]) {
    if (/^[45]\d\d$/.test(String(candidate))) return Number(candidate);
    if (/rate_limit/i.test(String(candidate))) return 429;
    if (/overloaded|unavailable/i.test(String(candidate))) return 503;
  }
  return codeIn(error);
}
