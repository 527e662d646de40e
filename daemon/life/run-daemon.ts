/** The start of the process, in the order that its budget asks for: lock, socket, daemon, and the rest when somebody came. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { endpointOf, type Endpoint } from '../../protocol/endpoint.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { createLog, type ProcessLog } from '../log.ts';
import { errorShape } from '../logging/error-shape.ts';
import { SocketServer } from '../transport/socket-server.ts';
import { acquireLock } from './acquire.ts';
import { watchBuild } from './build-watch.ts';
import { captureStderr, recordCrash } from './crash.ts';
import type { BuildDaemon } from './daemon-context.ts';
import { Desk } from './desk.ts';
import { hardenProcess } from './hardening.ts';
import { IdleExit } from './idle-exit.ts';
import type { Lock } from './lock.ts';
import { prepareDirectories } from './private-directory.ts';
import { PublishedSocket } from './published-socket.ts';
import type { RunOptions } from './run-options.ts';
import { SelfCheck } from './self-check.ts';
import { Serving } from './serving.ts';
import { handleSignals } from './signals.ts';
import { reportStartFailure } from './start-failure.ts';
import { StartLedger } from './start-ledger.ts';
import { Stopping } from './stopping.ts';
import { takeOver } from './take-over.ts';
import { MAX_CONNECTIONS, TIMINGS, type Timings } from './timings.ts';
import { watchForWake } from './wake.ts';

/** A start that was refused, for a reason that the start failure names. */
const EXIT_REFUSED = 69;

/** Starts the daemon. Exits the process with 0 when another one serves the directory, with 69 when the start is refused. */
export async function runDaemon(options: RunOptions): Promise<void> {
  const endpoint = endpointOf(options.dataDir, process.geteuid?.() ?? 0);
  hardenProcess();
  try {
    prepareDirectories(options.dataDir, options.logDir, endpoint);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    reportStartFailure(endpoint.runDirectory, error, Date.now());
    process.exit(EXIT_REFUSED);
  }
  captureStderr(options.logDir);
  process.chdir(options.dataDir);
  await new DaemonProcess(options, endpoint).run();
}

class DaemonProcess {
  readonly #options: RunOptions;
  readonly #endpoint: Endpoint;
  readonly #timings: Timings;
  readonly #log: ProcessLog;
  readonly #ledger: StartLedger;
  readonly #serving: Serving;
  readonly #stopping: Stopping;
  readonly #desk: Desk;
  readonly #connections: SocketServer;
  readonly #published: PublishedSocket;
  readonly #idle: IdleExit;
  readonly #startedAt = new Date().toISOString();
  #lock: Lock | undefined;
  #vaultThread: Worker | undefined;
  #selfCheck: SelfCheck | undefined;

  constructor(options: RunOptions, endpoint: Endpoint) {
    this.#options = options;
    this.#endpoint = endpoint;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#log = createLog(options.logDir, options.logLevel);
    this.#ledger = new StartLedger(endpoint.runDirectory, options.logDir);
    process.on('uncaughtException', (error) => {
      this.#crash(error);
    });
    this.#serving = new Serving({
      log: this.#log,
      loadBuildDaemon: options.loadBuildDaemon,
      desk: () => this.#desk,
      phase: () => this.#stopping.phase,
      validateResults: options.programDirectory === undefined,
      crash: (thrown) => {
        this.#crash(thrown);
      },
    });
    this.#published = new PublishedSocket(endpoint, (socket) => {
      this.#idle.rebase();
      this.#connections.accept(socket);
    });
    this.#stopping = this.#buildStopping();
    this.#desk = this.#buildDesk();
    this.#connections = new SocketServer({
      desk: this.#desk,
      report: this.#serving.report,
      helloDeadlineMs: this.#timings.helloMs,
      maxConnections: MAX_CONNECTIONS,
      loadConnector: () => this.#serving.loadConnector(),
    });
    this.#idle = this.#buildIdleExit();
  }

  async run(): Promise<void> {
    const { build } = this.#options;
    try {
      // First: a signal is an orderly end, however far the start has come.
      this.#listenToSignals();
      if (!(await this.#own())) return;
      this.#log.info('listening', { build: build.id, version: build.version });
      this.#watchOver();
      await Promise.race([this.#serving.firstHello, sleep(this.#timings.firstHelloMs)]);
      // Nobody waits for a daemon that would only be built to be taken apart.
      if (this.#stopping.phase !== 'serving') return;
      this.#desk.install(await this.#serving.build(this.#context()));
      this.#log.info('serving');
    } catch (error) {
      if (error instanceof ProtocolError) this.#refuse(error);
      else this.#crash(error);
    }
  }

  /** @returns false when another daemon serves the directory. */
  async #own(): Promise<boolean> {
    const { build, takeOver: wanted } = this.#options;
    if (wanted) await takeOver(this.#endpoint, build, this.#published);
    this.#lock = await acquireLock({
      endpoint: this.#endpoint,
      build,
      waitMs: wanted ? this.#timings.takeOverWaitMs : this.#timings.lockWaitMs,
      askPublicSocket: () => this.#published.look() !== 'ours',
    });
    // Told to leave while it waited: the process is about to end.
    if (this.#stopping.phase !== 'serving') return false;
    if (this.#lock === undefined) {
      this.#log.debug('another daemon serves');
      this.#exit(0);
      return false;
    }
    this.#ledger.begin();
    this.#vaultThread = this.#options.startVaultThread?.(this.#options.dataDir);
    if (this.#published.look() !== 'ours') await this.#published.publish();
    this.#published.removeLeftOvers(Date.now());
    return true;
  }

  #listenToSignals(): void {
    handleSignals({
      stop: () => {
        this.#stopping.request('signal', 'drain');
      },
      stopAtOnce: (code) => {
        this.#log.warn('stopped by a second signal');
        this.#ledger.ended();
        this.#exit(code);
      },
      reload: () => void this.#reloadConfig(),
    });
  }

  #watchOver(): void {
    const { tickMs, selfCheckMs } = this.#timings;
    const { build, programDirectory } = this.#options;
    if (this.#lock === undefined) return;
    this.#selfCheck = new SelfCheck(this.#published, this.#lock, this.#stopping, this.#log);
    this.#selfCheck.start(selfCheckMs);
    this.#idle.start();
    watchForWake({
      tickMs,
      now: Date.now,
      onWake: (gapMs) => {
        this.#log.info('woke up', { gapMs });
        this.#idle.rebase();
        void this.#selfCheck?.check();
      },
    });
    if (programDirectory === undefined) return;
    watchBuild(programDirectory, build.id, tickMs, (otherBuild) => {
      this.#log.info('files replaced', { otherBuild });
      this.#stopping.request('build-replaced', 'drain');
    });
  }

  #context(): Parameters<BuildDaemon>[0] {
    const { dataDir, configPath, logDir, build } = this.#options;
    return {
      dataDir,
      configPath,
      logDir,
      endpoint: this.#endpoint,
      build,
      startedAt: this.#startedAt,
      log: this.#log,
      vaultThread: this.#vaultThread,
      setLogLevel: (level) => {
        if (this.#options.logLevel === undefined) this.#log.setLevel(level);
      },
      requestStop: (reason, mode) => {
        this.#stopping.request(reason, mode);
      },
    };
  }

  #buildStopping(): Stopping {
    return new Stopping(
      {
        log: this.#log,
        published: this.#published,
        connections: () => this.#connections,
        ledger: this.#ledger,
        lock: () => this.#lock,
        daemon: () => this.#serving.daemon(),
        requestsSettled: () => this.#serving.requestsSettled(),
        exit: (code) => {
          this.#exit(code);
        },
      },
      this.#timings,
    );
  }

  #buildDesk(): Desk {
    const { build, dataDir } = this.#options;
    return new Desk({
      build,
      startedAt: this.#startedAt,
      dataDir,
      socketPath: this.#endpoint.socketPath,
      ledger: this.#ledger,
      stopping: this.#stopping,
      clients: () => this.#connections.count,
      otherDaemonGreeted: () => this.#selfCheck?.otherDaemonGreeted(),
      reclaimName: async () => await this.#selfCheck?.reclaimName(),
    });
  }

  #buildIdleExit(): IdleExit {
    const { idleExitMs, idleCheckMs, queueGraceMs } = this.#timings;
    return new IdleExit({
      limitMs: () => idleExitMs ?? this.#serving.current?.idleExitMs() ?? Infinity,
      checkEveryMs: idleCheckMs,
      queueGraceMs,
      isIdle: () =>
        this.#stopping.phase === 'serving' &&
        this.#connections.count === 0 &&
        this.#serving.current?.activity().idle === true,
      unpublish: () => {
        this.#selfCheck?.pause();
        this.#published.unpublish();
      },
      publish: async () => await this.#selfCheck?.resume(),
      exit: () => {
        this.#stopping.request('idle', 'drain');
      },
      log: this.#log,
    });
  }

  async #reloadConfig(): Promise<void> {
    try {
      await this.#serving.current?.reloadConfig();
      this.#log.info('configuration reloaded');
    } catch (error) {
      this.#log.warn('configuration not reloaded', errorShape(error));
    }
  }

  #refuse(error: ProtocolError): void {
    this.#log.error('start refused', { kind: error.kind });
    reportStartFailure(this.#endpoint.runDirectory, error, Date.now());
    this.#ledger.ended();
    this.#exit(EXIT_REFUSED);
  }

  #crash(thrown: unknown): void {
    const shape = errorShape(thrown);
    recordCrash(this.#options.logDir, this.#options.build, thrown, new Date());
    this.#log.fatal('uncaught exception', shape);
    this.#ledger.exception(shape.errorClass);
    this.#exit(1);
  }

  #exit(code: number): void {
    try {
      this.#published.unpublish();
    } catch {
      // The name stays; the next daemon replaces it.
    }
    this.#log.flush();
    process.exit(code);
  }
}
