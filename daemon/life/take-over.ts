/** The new side of a hand-over: takes the public name from an older daemon before that one lets go of the store. */
import type { DaemonStatus } from '../../protocol/admin.ts';
import type { Endpoint } from '../../protocol/endpoint.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Build } from '../../protocol/version.ts';
import { Peer } from './peer.ts';
import type { PublishedSocket } from './published-socket.ts';

const DIAL_MS = 1_000;
const ANSWER_MS = 3_000;
const RELEASE_MS = 30_000;

/**
 * Publishes our socket over the one of the running daemon and has it release the data directory. Clients find a listening
 * socket at every moment. Returns at once when no daemon runs or the running one leaves already; the lock is then waited
 * for as usual.
 *
 * @throws ProtocolError CONFLICT when the running daemon is busy or newer, DAEMON_WEDGED when it does not answer. The public
 * name is then given back.
 */
export async function takeOver(endpoint: Endpoint, build: Build, published: PublishedSocket): Promise<void> {
  const peer = await Peer.dial(endpoint.socketPath, DIAL_MS);
  if (peer === undefined) return;
  try {
    const { draining } = await peer.greet(build, ANSWER_MS);
    if (draining) return;
    const status = (await peer.call('daemon/status', {}, ANSWER_MS)) as DaemonStatus;
    if (status.runningTurns > 0) throw busy(status.runningTurns);
    await published.publish();
    await peer.call('daemon/release', { build }, RELEASE_MS);
  } catch (error) {
    // Gone or going: the lock will tell.
    if (error instanceof ProtocolError && (error.kind === 'DAEMON_UNAVAILABLE' || error.kind === 'DRAINING')) return;
    published.unpublish();
    throw error instanceof ProtocolError && error.kind === 'DEADLINE' ? wedged() : error;
  } finally {
    peer.close();
  }
}

/** Why a daemon does not hand over while turns run. */
export function busy(runningTurns: number): ProtocolError {
  const turns = runningTurns === 1 ? '1 turn is' : `${runningTurns} turns are`;
  return new ProtocolError('CONFLICT', `the daemon does not hand over while ${turns} running`, {
    hint: 'It does so when nothing runs; `mctl daemon restart --now` does not wait.',
    retryable: true,
  });
}

function wedged(): ProtocolError {
  return new ProtocolError('DAEMON_WEDGED', 'the running daemon does not answer', {
    hint: '`mctl daemon restart --force` ends it and starts another one.',
  });
}
