/** Gets a connection to the one daemon of a data directory, starting or replacing it when that is what it takes. */
import { ProtocolError } from '../../protocol/errors.ts';
import { ANY_PROTOCOL, BUILD, PROTOCOL, compareBuilds, type Build } from '../../protocol/version.ts';
import { Backoff, pause } from './pause.ts';
import type { Launch } from './daemon-process.ts';
import { dial, type Greeting } from './dial.ts';
import type { EnsureOptions } from './ensure-options.ts';
import type { Link } from './link.ts';
import { prepareDirectories } from './locations.ts';
import { StartMarker, readLogTail, readStartFailure } from './start-records.ts';

/** How long a daemon may take from its start to its first greeting. */
const START_MS = 10_000;
/** How long one that is leaving or full may keep us waiting. */
const REFUSAL_MS = 20_000;
/** Greetings without an answer, one after the other, that make a daemon wedged and not just busy. */
const SILENCES = 2;
const TELL_AFTER_MS = 1_000;
/** Between two looks for a daemon that we have started ourselves, for as long as a start usually takes. */
const OWN_START_LOOK_MS = 4;
const OWN_START_USUALLY_MS = 500;

/**
 * Connects to the daemon in one round. Of many clients that find none, one starts it and all connect to the winner.
 *
 * @throws ProtocolError: DAEMON_UNAVAILABLE when none runs and none may be started, or when it does not come up (with the
 * end of its log); DAEMON_WEDGED; UNSAFE_DIRECTORY; VERSION_MISMATCH; whatever a start was refused for; or the signal's
 * reason.
 */
export async function ensureDaemon(options: EnsureOptions): Promise<Link> {
  const round = new Round(options);
  try {
    for (;;) {
      const result = await dial(options.locations.endpoint, options.hello, {
        signal: options.signal,
        meanwhile: loadAhead,
      });
      if (result.kind === 'greeted') {
        const link = await round.greeted(result.greeting);
        if (link !== undefined) return link;
      } else if (result.kind === 'refused') {
        await round.refused(result.error);
      } else if (result.kind === 'silent') {
        await round.silent();
      } else if (!(await round.absent())) {
        continue;
      }
      await round.pause();
    }
  } finally {
    round.end();
  }
}

/** Loaded while the daemon starts or thinks: the library takes longer than the greeting. */
async function makeLink(greeting: Greeting): Promise<Link> {
  const { Link } = await import('./link.ts');
  return new Link(greeting);
}

function loadAhead(): void {
  void import('./link.ts');
}

class Round {
  readonly #options: EnsureOptions;
  readonly #begun = performance.now();
  readonly #marker: StartMarker;
  #backoff = newBackoff();
  #launch: Launch | undefined;
  #lastEnd = '';
  /** Earlier failed starts concern nobody: a daemon was there since, or we were not. Milliseconds since 1970. */
  #failuresSince = Date.now();
  #absentSince: number | undefined;
  #silences = 0;
  #told = false;

  constructor(options: EnsureOptions) {
    this.#options = options;
    this.#marker = new StartMarker(options.locations);
  }

  async greeted(greeting: Greeting): Promise<Link | undefined> {
    this.#absentSince = undefined;
    this.#marker.release();
    const link = await makeLink(greeting);
    const { build } = link.daemon.daemon;
    if (!this.#options.startDaemon || !(link.daemon.draining || isReplaceable(build))) return link;
    const { replaceDaemon } = await import('./replacement.ts');
    const outcome = await replaceDaemon(link, this.#options, this.#marker);
    this.#failuresSince = Date.now();
    this.#backoff = newBackoff();
    return outcome === 'in use' ? link : undefined;
  }

  async refused(error: ProtocolError): Promise<void> {
    this.#absentSince = undefined;
    if (error.kind === 'VERSION_MISMATCH' && (await this.#replaceForeign())) return;
    if (!error.retryable || performance.now() - this.#begun > REFUSAL_MS) throw error;
    this.#tell('the daemon is finishing its work …');
    await pause(error.retryAfterMs ?? 0, this.#options.signal);
  }

  async silent(): Promise<void> {
    this.#absentSince = undefined;
    this.#silences += 1;
    if (this.#silences >= SILENCES) {
      const { wedged } = await import('./daemon-identity.ts');
      throw wedged(this.#options.locations);
    }
    this.#tell('the daemon does not answer yet …');
  }

  /** @returns false when the next attempt should follow at once. */
  async absent(): Promise<boolean> {
    this.#silences = 0;
    if (!this.#options.startDaemon) throw notRunning();
    const failure = readStartFailure(this.#options.locations, this.#failuresSince);
    if (failure !== undefined) throw failure;
    this.#absentSince ??= performance.now();
    if (performance.now() - this.#absentSince > START_MS) throw this.#notStarted();
    if (performance.now() - this.#begun > TELL_AFTER_MS) this.#tell('starting the daemon …');
    return await this.#start();
  }

  async pause(): Promise<void> {
    await pause(this.#isStarting() ? OWN_START_LOOK_MS : this.#backoff.next(), this.#options.signal);
  }

  /** Whether our own daemon is about to appear. Of many clients only the one that starts it looks so often. */
  #isStarting(): boolean {
    const since = this.#absentSince;
    if (this.#launch === undefined || since === undefined) return false;
    return this.#launch.ended === undefined && performance.now() - since < OWN_START_USUALLY_MS;
  }

  end(): void {
    this.#marker.release();
  }

  /**
   * A daemon that shares no protocol with us still answers the frozen methods.
   * @returns whether it was older than us and has ended.
   */
  async #replaceForeign(): Promise<boolean> {
    const { locations, hello, startDaemon, signal } = this.#options;
    if (!startDaemon) return false;
    const result = await dial(locations.endpoint, { ...hello, protocol: ANY_PROTOCOL }, { signal });
    if (result.kind !== 'greeted') return false;
    const link = await makeLink(result.greeting);
    if (link.daemon.protocol >= PROTOCOL.min) {
      link.close();
      return false;
    }
    const { stopDaemonWhenIdle } = await import('./replacement.ts');
    await stopDaemonWhenIdle(link, this.#options);
    return true;
  }

  /**
   * Starts a daemon unless somebody does. Whoever has just got the right to start one looks again first: the one before
   * may have given it back because its daemon serves by now. One that ended before it served lost a race, or was killed:
   * somebody has to start another.
   *
   * @returns false when there is reason to look again at once.
   */
  async #start(): Promise<boolean> {
    if (this.#launch?.ended !== undefined) {
      this.#lastEnd = this.#launch.ended.reason;
      this.#launch = undefined;
      this.#marker.release();
      return true;
    }
    if (this.#launch !== undefined) return true;
    if (!this.#marker.isHeld) {
      prepareDirectories(this.#options.locations);
      return !this.#marker.claim();
    }
    const { launchDaemon } = await import('./daemon-process.ts');
    this.#launch = launchDaemon({ ...this.#options, takeOver: false });
    loadAhead();
    return true;
  }

  #notStarted(): ProtocolError {
    const { logDirectory } = this.#options.locations;
    const tail = readLogTail(logDirectory);
    const ending = this.#lastEnd === '' ? '' : ` (the last one ended with ${this.#lastEnd})`;
    return new ProtocolError('DAEMON_UNAVAILABLE', `the daemon did not start within ${START_MS / 1000} s${ending}`, {
      hint: tail === '' ? `\`mctl doctor\` looks for the cause.` : `The end of the log in ${logDirectory}:\n${tail}`,
      retryable: true,
    });
  }

  #tell(sentence: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.onProgress(sentence);
  }
}

/** Whether a daemon is of an older build than this client. Code that is run unbundled has no place in that order. */
function isReplaceable(build: Build): boolean {
  return build.id !== BUILD.id && build.id !== 'source' && BUILD.id !== 'source' && compareBuilds(BUILD, build) > 0;
}

function newBackoff(): Backoff {
  return new Backoff({ firstMs: 6, longestMs: 100 });
}

function notRunning(): ProtocolError {
  return new ProtocolError('DAEMON_UNAVAILABLE', 'no daemon is running', {
    hint: 'Any `m` command starts one; `mctl daemon start` does just that.',
  });
}
