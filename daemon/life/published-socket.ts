/** The public name of the daemon: always a socket that listens, put there by rename, and put back when it is taken away. */
import { chmodSync, lstatSync, readdirSync, renameSync, rmSync, watch, type FSWatcher } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Endpoint } from '../../protocol/endpoint.ts';

/** Longer than any start takes from bind to rename. */
const LEFT_OVER_AFTER_MS = 60_000;

/**
 * Listens on a name of its own and renames it to the public one: there is no moment without a listening socket, and
 * closing a server, which unlinks the name it was bound to, never touches the public name.
 */
export class PublishedSocket {
  readonly #endpoint: Endpoint;
  readonly #onConnection: (socket: Socket) => void;
  #server: Server | undefined;
  #inode: bigint | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(endpoint: Endpoint, onConnection: (socket: Socket) => void) {
    this.#endpoint = endpoint;
    this.#onConnection = onConnection;
  }

  /**
   * Publishes, or publishes again. Connections that wait at an earlier socket of ours are still taken. Not to be called
   * again before it has resolved.
   * @throws the error of the operating system.
   */
  async publish(): Promise<void> {
    const { socketDirectory, socketPath } = this.#endpoint;
    const ownName = join(socketDirectory, `.s${process.pid}`);
    rmSync(ownName, { force: true });
    const server = createServer(this.#onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(ownName, resolve);
    });
    // An accept that fails, for want of file descriptors, concerns that one connection.
    server.on('error', () => undefined);
    chmodSync(ownName, 0o600);
    const inode = lstatSync(ownName, { bigint: true }).ino;
    renameSync(ownName, socketPath);
    this.#inode = inode;
    const earlier = this.#server;
    this.#server = server;
    if (earlier !== undefined) {
      await immediate();
      earlier.close();
    }
  }

  /** What is at the public name now. */
  look(): 'ours' | 'another' | 'nothing' {
    const found = lstatSync(this.#endpoint.socketPath, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return 'nothing';
    return found.ino === this.#inode ? 'ours' : 'another';
  }

  /**
   * Calls back at every change of the public name, or of the lock beside it, and at intervals in case the system tells
   * nothing.
   * @param intervalMs time between two looks without a reason.
   */
  watch(intervalMs: number, onSuspicion: () => void): void {
    const names = new Set([basename(this.#endpoint.socketPath), basename(this.#endpoint.lockPath)]);
    this.#timer = setInterval(onSuspicion, intervalMs);
    try {
      this.#watcher = watch(this.#endpoint.socketDirectory, { persistent: false }, (_event, name) => {
        if (name === null || names.has(name)) onSuspicion();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No watches are left on this machine: the interval does it, only later.
    }
  }

  unwatch(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  /** Takes the public name away if it is ours. Connections that wait are still taken until `close`. */
  unpublish(): void {
    if (this.look() === 'ours') rmSync(this.#endpoint.socketPath, { force: true });
    this.#inode = undefined;
  }

  /** Takes no more connections. */
  close(): void {
    this.unwatch();
    this.#server?.close();
    this.#server = undefined;
  }

  /** Removes what daemons left that died between bind and rename. The lock must be held. */
  removeLeftOvers(now: number): void {
    for (const name of readdirSync(this.#endpoint.socketDirectory)) {
      if (!/^\.s\d+$/.test(name)) continue;
      const path = join(this.#endpoint.socketDirectory, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found !== undefined && now - found.mtimeMs > LEFT_OVER_AFTER_MS) rmSync(path, { force: true });
    }
  }
}
