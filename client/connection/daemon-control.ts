/** Asking, stopping and ending the daemon without ever starting one, whatever its build: only frozen methods are used. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonStatus, InitializeParams } from '../../protocol/admin.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf } from '../../protocol/methods.ts';
import { ANY_PROTOCOL } from '../../protocol/version.ts';
import { findDaemonProcess, wedged } from './daemon-identity.ts';
import { dial } from './dial.ts';
import { introduce } from './hello.ts';
import { Link } from './link.ts';
import { locate, type Locations } from './locations.ts';

const REQUEST_MS = 10_000;
/** A drain takes 10 s at most; then come the last bytes. */
const STOP_MS = 20_000;
/** How long a wedged daemon may take to end when it is asked by signal. */
const TERM_MS = 2_000;
const KILL_MS = 5_000;
const POLL_MS = 20;

export interface ControlOptions {
  /** Names the directories; default process.env. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

/**
 * What the daemon says of itself.
 * @returns undefined when none runs.
 * @throws ProtocolError DAEMON_WEDGED, UNSAFE_DIRECTORY, or what it answered.
 */
export async function askDaemon(options: ControlOptions = {}): Promise<DaemonStatus | undefined> {
  return withDaemon(locate(options.environment), options, (link) =>
    link.request('daemon/status', {}, { timeoutMs: REQUEST_MS, signal: options.signal }),
  );
}

/**
 * Stops the daemon and waits until it is gone.
 * @param how passed on; `deliberate` when a person asked.
 * @returns false when none ran.
 * @throws ProtocolError like `askDaemon`; CONFLICT when it has work and was to be stopped only if idle; DEADLINE.
 */
export async function stopDaemon(how: ParamsOf<'daemon/shutdown'>, options: ControlOptions = {}): Promise<boolean> {
  const stopped = await withDaemon(locate(options.environment), options, async (link) => {
    await link.request('daemon/shutdown', how, { timeoutMs: REQUEST_MS, signal: options.signal });
    if (!(await endsWithin(link, STOP_MS))) {
      throw new ProtocolError('DEADLINE', `the daemon has not ended within ${STOP_MS / 1000} s`, {
        hint: 'End it with `mctl daemon stop --force`; nothing that was saved is lost.',
      });
    }
    return true;
  });
  return stopped ?? false;
}

/**
 * Ends the daemon's process, asking it by signal first. For one that does not answer.
 * @returns the process that was ended, or undefined when there is none.
 * @throws ProtocolError DAEMON_WEDGED when something listens that cannot be identified or does not end.
 */
export async function endDaemonProcess(options: ControlOptions = {}): Promise<number | undefined> {
  const locations = locate(options.environment);
  const pid = findDaemonProcess(locations);
  if (pid === undefined) {
    const result = await dial(locations.endpoint, greeting(options), { signal: options.signal });
    if (result.kind === 'absent') return undefined;
    if (result.kind === 'greeted') result.greeting.socket.destroy();
    throw new ProtocolError('DAEMON_WEDGED', 'something listens on the daemon’s socket, but its process is unknown', {
      hint: `It may run in another container or on another machine. \`mctl doctor\` names what is in ${locations.endpoint.runDirectory}.`,
    });
  }
  for (const [signal, limitMs] of [
    ['SIGTERM', TERM_MS],
    ['SIGKILL', KILL_MS],
  ] as const) {
    process.kill(pid, signal);
    if (await isGoneWithin(locations, pid, limitMs)) return pid;
  }
  throw wedged(locations);
}

async function withDaemon<T>(
  locations: Locations,
  options: ControlOptions,
  use: (link: Link) => Promise<T>,
): Promise<T | undefined> {
  const result = await dial(locations.endpoint, greeting(options), { signal: options.signal });
  if (result.kind === 'absent') return undefined;
  if (result.kind === 'silent') throw wedged(locations);
  if (result.kind === 'refused') throw result.error;
  const link = new Link(result.greeting);
  try {
    return await use(link);
  } finally {
    link.close();
  }
}

function greeting(options: ControlOptions): InitializeParams {
  const environment = options.environment ?? process.env;
  return { ...introduce({ kind: 'mctl', environment }), protocol: ANY_PROTOCOL };
}

async function endsWithin(link: Link, limitMs: number): Promise<boolean> {
  const over = new AbortController();
  const limit = sleep(limitMs, false, { signal: over.signal }).catch(() => false);
  try {
    return await Promise.race([link.closed.then(() => true), limit]);
  } finally {
    over.abort();
  }
}

async function isGoneWithin(locations: Locations, pid: number, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    if (findDaemonProcess(locations) !== pid) return true;
    await sleep(POLL_MS);
  }
  return false;
}
