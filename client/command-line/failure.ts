/** How a failure is told to a person and to a script: sentence, hint, kind and exit code. */
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';
import { harmlessLine } from './harmless-text.ts';
import type { Output } from './output.ts';

/** Exit codes of every program, documented in docs/RUN.md and `mctl help exit-codes`. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  key: 4,
  conflict: 5,
  unavailable: 69,
  later: 75,
  cancelled: 130,
} as const;

const CODES: Partial<Record<ErrorKind, number>> = {
  INVALID_PARAMS: EXIT.usage,
  AMBIGUOUS: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  KEY_UNAVAILABLE: EXIT.key,
  KEY_LOCKED: EXIT.key,
  KEY_DENIED: EXIT.key,
  KEY_MISMATCH: EXIT.key,
  PROVIDER_KEY_MISSING: EXIT.key,
  UNSAFE_DIRECTORY: EXIT.key,
  CONFLICT: EXIT.conflict,
  VERSION_MISMATCH: EXIT.unavailable,
  DRAINING: EXIT.unavailable,
  OVERLOADED: EXIT.unavailable,
  DAEMON_UNAVAILABLE: EXIT.unavailable,
  DAEMON_WEDGED: EXIT.unavailable,
  DEADLINE: EXIT.unavailable,
  CANCELLED: EXIT.cancelled,
};

export interface Failure {
  readonly kind: ErrorKind;
  readonly message: string;
  /** Empty when there is nothing to add. */
  readonly hint: string;
}

/** A command line that cannot be understood. */
export function usageError(message: string, hint = ''): ProtocolError {
  return new ProtocolError('INVALID_PARAMS', message, { hint });
}

export function exitCodeOf(kind: ErrorKind): number {
  return CODES[kind] ?? EXIT.failed;
}

/** Anything that was thrown, as a failure. What is no ProtocolError is a defect and says so. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ProtocolError) return { kind: error.kind, message: error.message, hint: error.hint };
  if (isOutputFailure(error)) {
    return { kind: 'STORAGE_FAILED', message: `the output could not be written (${error.code})`, hint: '' };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    kind: 'INTERNAL',
    message: `unexpected error: ${message}`,
    hint: 'This is a defect of m; please report it.',
  };
}

/** Prints `program: message` and the hint below it. */
export function tellFailure(output: Output, program: string, failure: Failure): void {
  output.line(`${program}: ${harmlessLine(failure.message)}`);
  if (failure.hint !== '') output.line(`  ${harmlessLine(failure.hint)}`);
}

/** Our own output went to a disk that is full, say: that is nobody's defect. */
function isOutputFailure(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && 'syscall' in error && error.syscall === 'write';
}
