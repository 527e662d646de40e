/** What a frame must hold to be a JSON-RPC 2.0 message, checked without the JSON-RPC library. */
import { isUtf8 } from 'node:buffer';
import { FrameError } from './frame.ts';

/** Requests of one connection that may wait for an answer at the same time. */
export const MAX_REQUESTS_IN_FLIGHT = 64;

const CANCEL = '$/cancelRequest';
const REPLACEMENT = '\uFFFD';

/** @throws FrameError when the body is not JSON in UTF-8. */
export function parseBody(body: Buffer): unknown {
  const text = body.toString('utf8');
  // What does not decode is replaced. Only text with that character in it, which somebody may have sent, is looked at twice.
  if (text.includes(REPLACEMENT) && !isUtf8(body)) throw new FrameError('the body is not UTF-8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new FrameError('the body is not JSON');
  }
}

/**
 * The parts of JSON-RPC 2.0 that the library does not check itself and would leave unanswered.
 * @returns what is wrong, or undefined for a message.
 */
export function envelopeProblem(message: unknown): string | undefined {
  if (Array.isArray(message)) return 'batches are not supported';
  if (typeof message !== 'object' || message === null) return 'a message is an object';
  const { jsonrpc, id, method, params } = message as Record<string, unknown>;
  if (jsonrpc !== '2.0') return 'jsonrpc must be "2.0"';
  if (method === undefined) {
    return 'result' in message || 'error' in message ? undefined : 'neither a request nor an answer';
  }
  if (typeof method !== 'string') return 'method must be a string';
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return 'id must be a string or a number';
  return paramsProblem(method, params);
}

function paramsProblem(method: string, params: unknown): string | undefined {
  // The library looks for the id in them.
  if (params === undefined) return method === CANCEL ? 'a cancellation names a request in its params' : undefined;
  return typeof params !== 'object' || params === null ? 'params must be an object' : undefined;
}
