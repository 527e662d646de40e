/** What a frame must hold to be a JSON-RPC 2.0 message, checked without the JSON-RPC library. */
import { FrameError } from './frame.ts';

/** Requests of one connection that may wait for an answer at the same time. */
export const MAX_REQUESTS_IN_FLIGHT = 64;

/** @throws FrameError when the body is not JSON. */
export function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
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
  if (params !== undefined && (typeof params !== 'object' || params === null)) return 'params must be an object';
  return undefined;
}
