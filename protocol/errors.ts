/** The one error both sides speak: a kind to switch on, a sentence for a person, and what to do next. */

/** Every failure that a client may meet. Clients switch on these and on nothing else. */
export const ERROR_KINDS = [
  'PARSE',
  'INVALID_REQUEST',
  'METHOD_NOT_FOUND',
  'INVALID_PARAMS',
  'INTERNAL',
  'CANCELLED',
  'DEADLINE',
  'NOT_INITIALIZED',
  'VERSION_MISMATCH',
  'DRAINING',
  'OVERLOADED',
  'DAEMON_UNAVAILABLE',
  'DAEMON_WEDGED',
  'UNSAFE_DIRECTORY',
  'NOT_FOUND',
  'AMBIGUOUS',
  'CONFLICT',
  'EMPTY',
  'CURSOR_GONE',
  'STORAGE_FULL',
  'STORAGE_FAILED',
  'STORAGE_UNSUPPORTED',
  'STORE_TOO_NEW',
  'TAMPERED',
  'KEY_UNAVAILABLE',
  'KEY_LOCKED',
  'KEY_DENIED',
  'KEY_MISMATCH',
  'CONFIG_INVALID',
  'MODEL_UNKNOWN',
  'PROVIDER_KEY_MISSING',
  'UNREACHABLE',
  'RATE_LIMITED',
  'REFUSED',
  'BROKEN_STREAM',
  /** A turn has used up what it may: steps, time, output, or it went round in circles. */
  'LIMIT_REACHED',
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

/** JSON-RPC codes. Everything that has no code in the specification travels as `application`, told apart by its kind. */
export const ERROR_CODES = {
  PARSE: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL: -32603,
  CANCELLED: -32800,
  application: 1000,
} as const;

/** What travels in `error.data`. */
export interface ErrorData {
  readonly kind: ErrorKind;
  /** True when the same call may succeed later without any change. */
  readonly retryable: boolean;
  /** What the person can do next; empty when there is nothing to add to the message. */
  readonly hint: string;
  /** Names the log line with the details, when there is one. */
  readonly traceId?: string;
  readonly retryAfterMs?: number;
}

export interface ErrorOptions {
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly traceId?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An expected failure. Anything else that is thrown is a bug and reaches a client only as INTERNAL. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly kind: ErrorKind;
  readonly hint: string;
  readonly retryable: boolean;
  readonly traceId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint ?? '';
    this.retryable = options.retryable ?? false;
    this.traceId = options.traceId;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The JSON-RPC code of this kind. */
  get code(): number {
    return this.kind in ERROR_CODES ? ERROR_CODES[this.kind as keyof typeof ERROR_CODES] : ERROR_CODES.application;
  }

  /** The wire form of everything but code and message. */
  toData(): ErrorData {
    return {
      kind: this.kind,
      retryable: this.retryable,
      hint: this.hint,
      ...(this.traceId === undefined ? {} : { traceId: this.traceId }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }

  /** Rebuilds the error from its wire form; a form that this build does not know becomes INTERNAL. */
  static fromWire(message: string, data: unknown): ProtocolError {
    const known = readData(data);
    return known === undefined ? new ProtocolError('INTERNAL', message) : new ProtocolError(known.kind, message, known);
  }
}

function readData(data: unknown): ErrorData | undefined {
  if (typeof data !== 'object' || data === null || !('kind' in data)) return undefined;
  const candidate = data as Partial<Record<keyof ErrorData, unknown>>;
  if (!isErrorKind(candidate.kind)) return undefined;
  return {
    kind: candidate.kind,
    retryable: candidate.retryable === true,
    hint: typeof candidate.hint === 'string' ? candidate.hint : '',
    ...(typeof candidate.traceId === 'string' ? { traceId: candidate.traceId } : {}),
    ...(typeof candidate.retryAfterMs === 'number' ? { retryAfterMs: candidate.retryAfterMs } : {}),
  };
}

/** Whether a value names an error kind that this build knows. */
export function isErrorKind(value: unknown): value is ErrorKind {
  return typeof value === 'string' && (ERROR_KINDS as readonly string[]).includes(value);
}
