/** `mctl daemon stop` */
import { ProtocolError, type ErrorKind } from '../../../protocol/errors.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';

export interface StopOptions {
  readonly json?: boolean;
  readonly now?: boolean;
  readonly force?: boolean;
}

/** What a daemon that cannot be talked to leads to; only then is its process ended. */
const NO_ANSWER: readonly ErrorKind[] = ['DAEMON_WEDGED', 'DEADLINE', 'DAEMON_UNAVAILABLE'];

export const stop: Verb<StopOptions> = async ({ context, options }) => {
  const stopped = await stopDaemonProcess(context, options, true);
  context.result({ stopped }, stopped ? 'daemon stopped' : 'no daemon runs');
};

/**
 * Stops the daemon and waits for its end; never starts one.
 * @param deliberate whether a person wants the running turns to end with it.
 * @returns false when none ran.
 */
export async function stopDaemonProcess(
  context: MctlContext,
  options: StopOptions,
  deliberate: boolean,
): Promise<boolean> {
  const { environment } = context.around;
  const { endDaemonProcess, stopDaemon } = await import('../../connection/daemon-control.ts');
  try {
    const stopped = await stopDaemon({ mode: options.now === true ? 'now' : 'drain', deliberate }, { environment });
    // One whose socket is gone cannot be asked; its process may be there all the same.
    if (stopped || options.force !== true) return stopped;
    return (await endDaemonProcess({ environment })) !== undefined;
  } catch (error) {
    const isUnanswered = error instanceof ProtocolError && NO_ANSWER.includes(error.kind);
    if (!isUnanswered || options.force !== true) throw error;
    const pid = await endDaemonProcess({ environment });
    if (pid !== undefined) context.stderr.line(`process ${pid} did not answer and was ended`);
    return pid !== undefined;
  }
}
