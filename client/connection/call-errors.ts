/** How a call can fail on this side. Apart from the link, which brings the JSON-RPC library with it. */
import { ProtocolError } from '../../protocol/errors.ts';

/** The connection ended before the answer came. */
export class LinkLost extends Error {
  override readonly name = 'LinkLost';
  /** False when the request never left: it had no effect. */
  readonly sent: boolean;

  constructor(message: string, options: { readonly sent: boolean }) {
    super(message);
    this.sent = options.sent;
  }
}

/** A call that its caller gave up. */
export function cancelled(method: string, signal?: AbortSignal): ProtocolError {
  return new ProtocolError('CANCELLED', `${method} was cancelled`, { cause: signal?.reason });
}

/** A request that the daemon did not answer in time. */
export function noAnswer(method: string, limitMs: number): ProtocolError {
  return new ProtocolError('DEADLINE', `the daemon did not answer ${method} within ${Math.round(limitMs / 1000)} s`, {
    hint: 'Try again; `mctl doctor` shows what the daemon does.',
    retryable: true,
  });
}
