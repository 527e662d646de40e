/** One call, however many connections it takes. */
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { CallOptions } from './api.ts';
import { Backoff, pause } from './pause.ts';
import { deadlineOf, isRepeatable } from './deadlines.ts';
import type { Line } from './line.ts';
import { LinkLost, cancelled, noAnswer } from './call-errors.ts';

/** Time for reconnects on top of the daemon's own deadline. */
const RECONNECT_MS = 30_000;

/**
 * Sends a request until it is answered. It is sent again, with the same parameters, when its connection is lost and when
 * the daemon asks to come back later; a mutation has effect once all the same, because its `opId` is the same.
 *
 * @throws ProtocolError: what the daemon answered; CANCELLED; DEADLINE or DAEMON_UNAVAILABLE when the time is over.
 */
export async function callUntilAnswered<M extends MethodName>(
  line: Line,
  method: M,
  params: ParamsOf<M>,
  options: CallOptions,
): Promise<ResultOf<M>> {
  const limitMs = options.deadlineMs ?? deadlineOf(method) + RECONNECT_MS;
  const deadline = performance.now() + limitMs;
  const { signal, startDaemon = true } = options;
  const backoff = new Backoff({ firstMs: 50, longestMs: 2_000 });
  for (;;) {
    const timeoutMs = deadline - performance.now();
    const link = await line.link({ signal, timeoutMs, prepared: !isAboutDaemon(method), startDaemon });
    let pauseMs: number;
    try {
      return await link.request(method, params, { signal, timeoutMs: deadline - performance.now() });
    } catch (error) {
      pauseMs = pauseBeforeRepeat(error, method, backoff);
    }
    if (performance.now() + pauseMs >= deadline) throw noAnswer(method, limitMs);
    await pauseOrCancel(pauseMs, method, signal);
  }
}

/** These are answered before, and without, everything else. */
function isAboutDaemon(method: MethodName): boolean {
  return method.startsWith('daemon/');
}

const REPEATED_KINDS: readonly ErrorKind[] = ['DRAINING', 'OVERLOADED'];

/** The daemon was too slow to say what became of it; asked again with the same `opId`, it says so. */
function isLate(error: ProtocolError, method: MethodName): boolean {
  return error.kind === 'DEADLINE' && isRepeatable(method);
}

/** @throws the error when repeating the call is no answer to it. */
function pauseBeforeRepeat(error: unknown, method: MethodName, backoff: Backoff): number {
  if (error instanceof LinkLost) {
    if (!error.sent || isRepeatable(method)) return 0;
    throw new ProtocolError('DAEMON_UNAVAILABLE', `the connection was lost during ${method}`, {
      hint: 'It may have been done, so it was not sent again.',
      cause: error,
    });
  }
  const later =
    error instanceof ProtocolError && error.retryable && (REPEATED_KINDS.includes(error.kind) || isLate(error, method));
  if (!later) throw error;
  return Math.max(backoff.next(), error.retryAfterMs ?? 0);
}

async function pauseOrCancel(limitMs: number, method: MethodName, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pause(limitMs, signal);
  } catch {
    throw cancelled(method, signal);
  }
}
