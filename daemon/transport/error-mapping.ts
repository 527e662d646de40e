/** Errors on their way to a client: expected ones as they are, all others as INTERNAL with nothing but a trace id. */
import { ProtocolError, type ErrorData } from '../../protocol/errors.ts';

/** The `error` member of a JSON-RPC answer. */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: ErrorData;
}

/**
 * Puts the details of an unexpected error where only the user can read them.
 * @returns the id that names them.
 */
export type Report = (thrown: unknown, method: string) => string;

/** The wire form of anything that was thrown while a method was served. */
export function toWireError(thrown: unknown, method: string, report: Report): WireError {
  const error = thrown instanceof ProtocolError ? thrown : internalError(thrown, method, report);
  return { code: error.code, message: error.message, data: error.toData() };
}

function internalError(thrown: unknown, method: string, report: Report): ProtocolError {
  const traceId = report(thrown, method);
  return new ProtocolError('INTERNAL', 'internal error', {
    traceId,
    hint: `The log has the details under ${traceId}: \`mctl daemon logs\`.`,
  });
}
