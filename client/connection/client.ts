/** The client: a line to the daemon, calls on it, and the sessions that are followed over it. */
import { join } from 'node:path';
import { isatty } from 'node:tty';
import type { InitializeParams, InitializeResult } from '../../protocol/admin.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ListNotice } from '../../protocol/event.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { AttachHandlers, Attachment, CallOptions, Client, ConnectOptions, ConnectionStatus } from './api.ts';
import { callUntilAnswered } from './calls.ts';
import { ensureDaemon } from './ensure-daemon.ts';
import type { EnsureOptions } from './ensure-options.ts';
import { makeHello, pick } from './hello.ts';
import { Line } from './line.ts';
import { LinkLost } from './call-errors.ts';
import type { Link } from './link.ts';
import { locate } from './locations.ts';
import { opIds } from './op-id.ts';
import { wasStopped } from './start-records.ts';
import { Subscriptions } from './subscriptions.ts';

/** The daemon's program of the same build as this client. */
const DAEMON_SCRIPT = join(import.meta.dirname, 'daemon.cjs');
const OFFER_MS = 2_000;
/** Whose turns run commands. */
const BEGINS_TURNS: readonly ConnectOptions['kind'][] = ['chat', 'run', 'tui'];
/** As the contract says. */
const LONGEST_NAME = 1_000;
const LONGEST_VALUE = 200_000;
/** A daemon that has just started reads its configuration first. */
const SECOND_HELLO_MS = 10_000;

/**
 * Connects to the daemon of this user, starting it when none runs.
 * @throws ProtocolError: CONFIG_INVALID for an environment that makes no sense, and everything `ensureDaemon` throws.
 */
export function connect(options: ConnectOptions): Promise<Client> {
  return connectWith(options, DAEMON_SCRIPT);
}

/** Like `connect`, with another daemon program: for tests, which do not run from the bundle. */
export async function connectWith(options: ConnectOptions, script: string): Promise<Client> {
  const environment = options.environment ?? process.env;
  const onProgress = options.onProgress ?? (() => undefined);
  const hello = makeHello({
    kind: options.kind,
    allowKeyfile: options.allowKeyfile ?? false,
    onlyLooks: options.onlyLooks ?? false,
    environment,
    // Asked of the descriptors: the streams of this process take longer to make than the connection.
    terminal: isatty(0) && isatty(2),
  });
  const startDaemon = options.startDaemon ?? true;
  const ensure: Omit<EnsureOptions, 'now' | 'signal'> = {
    locations: locate(environment),
    hello,
    environment,
    script,
    startDaemon,
    onProgress,
  };
  let isFirst = true;
  const line = new Line({
    dial: (signal, mayStart) => {
      // A person who asked not to wait was asked about what ran then, not about what runs at a later reconnect.
      const now = isFirst && (options.now ?? false);
      isFirst = false;
      return ensureDaemon({ ...ensure, startDaemon: startDaemon && mayStart, now, signal });
    },
    prepare: (link) => prepareLink(link, hello, environment, onProgress),
    wasStopped: (link) => wasStopped(ensure.locations, link.daemon.daemon.pid),
  });
  return new ConnectedClient(line, await line.open());
}

/**
 * Lends the daemon the keys of our environment, and the variables for the commands of our turns: it has them in memory only,
 * so each new daemon is given them again. One that greeted before it had read its configuration could not say which keys it
 * needs, and is asked a second time.
 */
async function prepareLink(
  link: Link,
  hello: InitializeParams,
  environment: NodeJS.ProcessEnv,
  onProgress: (sentence: string) => void,
): Promise<void> {
  try {
    if (link.daemon.store === null)
      link.daemon = await link.request('initialize', hello, { timeoutMs: SECOND_HELLO_MS });
    const keys = pick(environment, link.daemon.keyVariables);
    const offers: Promise<unknown>[] = [];
    if (Object.keys(keys).length > 0) {
      offers.push(link.request('provider/offer-keys', { keys }, { timeoutMs: OFFER_MS }));
    }
    if (BEGINS_TURNS.includes(hello.client.kind)) {
      const variables = usable(environment);
      offers.push(link.request('environment/offer', { variables }, { timeoutMs: OFFER_MS }));
    }
    await Promise.all(offers);
  } catch (error) {
    // A turn that needs a key will say so; the rest works without.
    if (error instanceof LinkLost) return;
    const reason = error instanceof Error ? error.message : String(error);
    onProgress(`your environment could not be handed to the daemon: ${reason}`);
  }
}

/** A variable that is longer than any program reads is left out. */
function usable(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[0].length <= LONGEST_NAME && (entry[1]?.length ?? Infinity) <= LONGEST_VALUE,
  );
  return Object.fromEntries(kept);
}

class ConnectedClient implements Client {
  readonly newOpId = opIds();
  readonly #line: Line;
  readonly #subscriptions: Subscriptions;
  readonly #listListeners = new Set<(notice: ListNotice) => void>();
  #link: Link;

  constructor(line: Line, link: Link) {
    this.#line = line;
    this.#link = link;
    this.#subscriptions = new Subscriptions(line);
    this.#listen(link);
    line.onLink((next) => {
      this.#link = next;
      this.#listen(next);
    });
  }

  get daemon(): InitializeResult {
    return this.#link.daemon;
  }

  call<M extends MethodName>(method: M, params: ParamsOf<M>, options: CallOptions = {}): Promise<ResultOf<M>> {
    return callUntilAnswered(this.#line, method, params, options);
  }

  attach(
    sessionId: string,
    handlers: AttachHandlers,
    options: { readonly tail?: number; readonly after?: { generation: string; seq: number } } = {},
  ): Promise<Attachment> {
    return this.#subscriptions.attach(sessionId, handlers, options);
  }

  onList(listener: (notice: ListNotice) => void): () => void {
    this.#listListeners.add(listener);
    return () => void this.#listListeners.delete(listener);
  }

  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    return this.#line.onStatus(listener);
  }

  close(): Promise<void> {
    this.#line.close(new ProtocolError('CANCELLED', 'the client was closed'));
    return Promise.resolve();
  }

  #listen(link: Link): void {
    link.onList((notice) => {
      for (const listener of this.#listListeners) listener(notice);
    });
  }
}
