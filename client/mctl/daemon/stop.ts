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
  const turns = await turnsUnderWay(context);
  const stopped = await stopDaemonProcess(context, options, true);
  const sentence = turns === 0 ? 'daemon stopped' : `daemon stopped; ${interrupted(turns)}`;
  context.result({ stopped, turns: stopped ? turns : 0 }, stopped ? sentence : 'no daemon runs');
};

/** How many turns the stop ends; none where that cannot be asked, since the stop itself says why then. */
async function turnsUnderWay(context: MctlContext): Promise<number> {
  const { askDaemon } = await import('../../connection/daemon-control.ts');
  try {
    const status = await askDaemon({ environment: context.around.environment });
    return (status?.runningTurns ?? 0) + (status?.waitingTurns ?? 0);
  } catch (error) {
    if (error instanceof ProtocolError) return 0;
    throw error;
  }
}

function interrupted(turns: number): string {
  const what =
    turns === 1 ? 'it was in a turn, which is interrupted' : `it was in ${turns} turns, which are interrupted`;
  return `${what}: the prompts are kept, and the next one in such a session goes on from there`;
}

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
