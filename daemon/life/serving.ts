/** What is served, and when it is loaded: the daemon after the socket, the request libraries after the first handshake. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessLog } from '../log.ts';
import { errorShape } from '../logging/error-shape.ts';
import type { LifeDesk } from '../transport/life-desk.ts';
import type { Router } from '../transport/router.ts';
import type { Connector } from '../transport/socket-server.ts';
import type { BuildDaemon, Daemon, DaemonContext } from './daemon-context.ts';

/** From readiness to the loading of the log's library, in milliseconds. */
const LOG_AFTER_MS = 100;
const RETRY_MS = 100;

export interface ServingOptions {
  readonly log: ProcessLog;
  loadBuildDaemon(): Promise<BuildDaemon>;
  readonly desk: () => LifeDesk;
  readonly phase: () => 'serving' | 'draining' | 'closed';
  readonly validateResults: boolean;
  /** Ends the process. */
  crash(thrown: unknown): void;
}

export class Serving {
  readonly #options: ServingOptions;
  readonly #hello = Promise.withResolvers<void>();
  /** Settles when the daemon is built or cannot be. */
  readonly #built = Promise.withResolvers<Daemon>();
  #building = false;
  #daemon: Daemon | undefined;
  #router: Router | undefined;
  #connector: Promise<Connector> | undefined;

  constructor(options: ServingOptions) {
    this.#options = options;
    // Whoever builds hears of a failure; others may or may not be waiting.
    this.#built.promise.catch(() => undefined);
  }

  /** Resolves at the first handshake. */
  get firstHello(): Promise<void> {
    return this.#hello.promise;
  }

  /** Undefined until it is built. */
  get current(): Daemon | undefined {
    return this.#daemon;
  }

  /** Builds the daemon. Called once, with the lock held. Rejects when it cannot serve at all. */
  async build(context: DaemonContext): Promise<Daemon> {
    this.#building = true;
    try {
      const buildDaemon = await this.#options.loadBuildDaemon();
      this.#daemon = await buildDaemon(context);
      this.#built.resolve(this.#daemon);
      return this.#daemon;
    } catch (error) {
      this.#built.reject(error);
      throw error;
    }
  }

  /** The daemon as soon as it is built; undefined when its building has not begun or failed. */
  async daemon(): Promise<Daemon | undefined> {
    return this.#building ? await this.#built.promise.catch(() => undefined) : undefined;
  }

  /** Loads what requests need. Rejects when the daemon cannot be built, for which the process ends. */
  loadConnector(): Promise<Connector> {
    this.#hello.resolve();
    this.#connector ??= this.#load();
    return this.#connector;
  }

  async requestsSettled(): Promise<void> {
    await this.#router?.settled();
  }

  /** Puts the details of an unexpected error into the log. @returns the id that names them. */
  readonly report = (thrown: unknown, method: string): string => {
    const traceId = randomBytes(6).toString('hex');
    this.#options.log.error('request failed', { traceId, method, ...errorShape(thrown) });
    return traceId;
  };

  async #load(): Promise<Connector> {
    const { log, desk, phase, validateResults } = this.#options;
    // The threads that the daemon starts come up while this one loads.
    const daemon = await this.#built.promise;
    const { openConnection, Router } = await this.#loadLibraries();
    const router = new Router({
      routes: daemon.routes,
      desk: desk(),
      phase,
      requireKey: () => daemon.requireKey(),
      report: this.report,
      validateResults,
    });
    this.#router = router;
    log.debug('ready for requests');
    setTimeout(() => void this.#loadLog(), LOG_AFTER_MS);
    return (greeted, id) => {
      openConnection(greeted, id, router, (client) => {
        daemon.connected(client);
      });
    };
  }

  /** The log holds its lines until then; the first requests are waited for. */
  async #loadLog(): Promise<void> {
    try {
      await whenFilesCanBeOpened(() => this.#options.log.load());
    } catch (error) {
      this.#options.crash(error);
    }
  }

  async #loadLibraries(): Promise<
    typeof import('../transport/connection.ts') & typeof import('../transport/router.ts')
  > {
    try {
      const [connection, router] = await whenFilesCanBeOpened(() =>
        Promise.all([import('../transport/connection.ts'), import('../transport/router.ts')]),
      );
      return { ...connection, ...router };
    } catch (error) {
      // The files are gone or damaged: this process will never serve.
      this.#options.crash(error);
      throw error;
    }
  }
}

/** Clients may have taken every file that this process may open; that passes, and is no reason to end. */
async function whenFilesCanBeOpened<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EMFILE' && code !== 'ENFILE') throw error;
    }
    await sleep(RETRY_MS);
  }
}
