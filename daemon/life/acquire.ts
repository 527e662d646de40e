/** Getting the data directory for oneself, or finding out that another daemon serves it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../protocol/endpoint.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Build } from '../../protocol/version.ts';
import { Lock } from './lock.ts';
import { Peer } from './peer.ts';

const DIAL_MS = 500;
const GREET_MS = 1_000;

export interface AcquireOptions {
  readonly endpoint: Endpoint;
  readonly build: Build;
  /** How long a holder that is about to leave is waited for, in milliseconds. */
  readonly waitMs: number;
  /** False when the public socket is our own already. */
  readonly askPublicSocket: () => boolean;
}

/**
 * Takes the lock.
 * @returns undefined when another daemon serves the directory: the race is lost, and whoever started us will find it.
 * @throws ProtocolError DAEMON_WEDGED when the holder neither leaves nor serves, CONFLICT when it still finishes its work,
 * STORAGE_FAILED when the lock file cannot be used.
 */
export async function acquireLock(options: AcquireOptions): Promise<Lock | undefined> {
  let deadline = performance.now() + options.waitMs;
  let holder: Holder = 'silent';
  for (;;) {
    const lock = Lock.tryAcquire(options.endpoint.lockPath);
    if (lock !== undefined) return lock;
    if (options.askPublicSocket()) holder = await askHolder(options.endpoint.socketPath, options.build);
    if (holder === 'serving') return undefined;
    if (performance.now() > deadline) throw holder === 'draining' ? stillDraining() : silentHolder();
    // On a machine so busy that we come late, the holder has had as little time as we.
    deadline += await sleepLate(15 + Math.random() * 30);
  }
}

/** @returns by how much longer it took, in milliseconds. */
async function sleepLate(ms: number): Promise<number> {
  const begun = performance.now();
  await sleep(ms);
  return Math.max(0, performance.now() - begun - ms);
}

type Holder = 'serving' | 'draining' | 'silent';

async function askHolder(socketPath: string, build: Build): Promise<Holder> {
  const peer = await Peer.dial(socketPath, DIAL_MS);
  if (peer === undefined) return 'silent';
  try {
    const { draining } = await peer.greet(build, GREET_MS);
    return draining ? 'draining' : 'serving';
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (error.kind === 'DRAINING') return 'draining';
    // Whoever refuses us for another reason is there: it is full, or speaks another protocol.
    return error.kind === 'DEADLINE' || error.kind === 'DAEMON_UNAVAILABLE' ? 'silent' : 'serving';
  } finally {
    peer.close();
  }
}

function stillDraining(): ProtocolError {
  return new ProtocolError('CONFLICT', 'the running daemon still finishes its work', {
    hint: '`mctl daemon stop --now` does not wait for it.',
    retryable: true,
  });
}

function silentHolder(): ProtocolError {
  return new ProtocolError('DAEMON_WEDGED', 'another process holds the data directory, and no daemon answers', {
    hint: '`mctl doctor` names the process; `mctl daemon restart --force` ends it.',
    retryable: true,
  });
}
