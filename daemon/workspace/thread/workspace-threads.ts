/** The main thread's side of all workspaces: one thread each, when it is needed. */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ProtocolError } from '../../../protocol/errors.ts';
import type {
  SnapshotSettings,
  StoredWorkspace,
  WorkspaceFiles,
  WorkspacesPort,
} from '../../services/snapshot-port.ts';
import { overlap } from '../../services/workspace-holds.ts';
import type { WorkspaceKeyPort } from '../../services/workspace-key-port.ts';
import { FORMAT_FILE } from '../engine/store-format.ts';
import { JOURNAL_FILE } from '../restore/restore-journal.ts';
import { refuseRoot } from '../scan/refuse-root.ts';
import type { WorkspaceSettings } from './calls.ts';
import { contentsOf, isGoneFrom, isThere, removeStore, removeUnknown } from './store-directories.ts';
import { WorkspaceClient } from './workspace-client.ts';
import { DEADLINES, WorkspaceThread, type ThreadDeadlines } from './workspace-thread.ts';

export interface WorkspaceThreadsOptions {
  readonly dataDirectory: string;
  readonly home: string;
  /** XDG_CONFIG_HOME; undefined where it is not set. */
  readonly configHome: string | undefined;
  readonly keys: WorkspaceKeyPort;
  /** Asked when a thread starts. */
  readonly settings: () => SnapshotSettings;
  /** Told the frames of errors that nobody expected, and why a thread died. */
  readonly onUnexpected: (name: string, stack: string) => void;
  readonly script?: string;
  readonly deadlines?: Partial<ThreadDeadlines>;
}

export class WorkspaceThreads implements WorkspacesPort {
  readonly #options: WorkspaceThreadsOptions;
  readonly #clients = new Map<string, WorkspaceClient>();
  /** Workspaces whose thread is being ended, or of which everything is being removed. */
  readonly #removals = new Map<string, Promise<void>>();
  /** Workspaces that nobody has asked for but to have a brief look. */
  readonly #brief = new Set<string>();
  #closed = false;

  constructor(options: WorkspaceThreadsOptions) {
    this.#options = options;
  }

  async of(root: string): Promise<WorkspaceFiles> {
    // How that ends is told to whoever asked for it.
    await this.#removals.get(root)?.catch(() => undefined);
    this.#brief.delete(root);
    return this.#client(root);
  }

  async briefly<T>(root: string, work: (files: WorkspaceFiles) => Promise<T>): Promise<T> {
    await this.#removals.get(root)?.catch(() => undefined);
    if (!this.#clients.has(root)) this.#brief.add(root);
    const client = this.#client(root);
    // Others who look at it briefly must not end it while this one has yet to ask.
    const release = client.hold();
    try {
      return await work(client);
    } finally {
      release();
      if (this.#brief.has(root) && client.quiet) await this.#alone(root, () => this.#putAwayOne(root, client));
    }
  }

  async has(root: string): Promise<boolean> {
    const known = (await this.#options.keys.workspaceKeys()).find(({ path }) => path === root);
    return known !== undefined && (await isThere(join(this.#directoryOf(known.id), FORMAT_FILE)));
  }

  async requireDirectory(root: string): Promise<void> {
    const real = await realpath(root).catch(() => undefined);
    const isDirectory =
      real !== undefined &&
      (await stat(real)
        .then((stats) => stats.isDirectory())
        .catch(() => false));
    if (!isDirectory) throw new ProtocolError('INVALID_PARAMS', `${root} is no directory that can be worked in`);
    if (real !== root)
      throw new ProtocolError('INVALID_PARAMS', `${root} leads to ${real}`, { hint: 'Name that path.' });
  }

  async storedWorkspaces(): Promise<StoredWorkspace[]> {
    const found: StoredWorkspace[] = [];
    for (const { path, id } of await this.#options.keys.workspaceKeys()) {
      const directory = this.#directoryOf(id);
      if (!(await isThere(join(directory, FORMAT_FILE)))) continue;
      const { bytes, packBytes, packedAt } = await contentsOf(directory);
      found.push({ root: path, exists: !(await isGoneFrom(path)), bytes, snapshotBytes: packBytes, packedAt });
    }
    return found;
  }

  async clearOrphans(before: number): Promise<number> {
    // Read after the directories: a key is there before its directory is.
    const known = async (): Promise<Set<string>> => new Set(await this.#options.keys.workspaceDirectories());
    return await removeUnknown(this.#directoryOf(''), known, before);
  }

  async recover(): Promise<string[]> {
    const sentences: string[] = [];
    for (const { path, id } of await this.#options.keys.workspaceKeys()) {
      if (!(await isThere(join(this.#directoryOf(id), JOURNAL_FILE)))) continue;
      try {
        const done = await this.#client(path).recover();
        if (done !== undefined) sentences.push(done);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        sentences.push(`a restore of ${path} that was cut off is not complete: ${error.message}`);
      }
    }
    return sentences;
  }

  async removeIfEmpty(root: string): Promise<void> {
    const { keys } = this.#options;
    const known = (await keys.workspaceKeys()).find(({ path }) => path === root);
    if (known === undefined || (await isThere(join(this.#directoryOf(known.id), JOURNAL_FILE)))) return;
    if ((await this.has(root)) && !(await this.#client(root).isEmpty())) return;
    // From here on nobody else gets in between.
    const client = this.#clients.get(root);
    if (client?.quiet === false || this.#removals.has(root)) return;
    await this.#alone(root, () => this.#remove(client, { root, id: known.id }));
  }

  async moving<T>(from: string, to: string, work: () => Promise<T>): Promise<T> {
    const roots = [from, to];
    for (const root of roots) await this.#removals.get(root)?.catch(() => undefined);
    const clients = roots.flatMap((root) => this.#clients.get(root) ?? []);
    if (clients.some(({ quiet }) => !quiet) || roots.some((root) => this.#removals.has(root))) {
      throw new ProtocolError('CONFLICT', `something is being done with the files of ${from} or ${to}`, {
        hint: 'Try again in a moment.',
        retryable: true,
      });
    }
    const moved = this.#endAndDo(roots, work);
    const over = moved.then(
      () => undefined,
      () => undefined,
    );
    for (const root of roots) this.#removals.set(root, over);
    try {
      return await moved;
    } finally {
      for (const root of roots) this.#removals.delete(root);
    }
  }

  async putAway(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    // Only now: two threads never work on the same files.
    this.#clients.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.putAway();
  }

  /** Whoever asks for the workspace waits until this is over. */
  async #alone(root: string, work: () => Promise<void>): Promise<void> {
    const removal = work();
    this.#removals.set(root, removal);
    try {
      await removal;
    } finally {
      this.#removals.delete(root);
    }
  }

  async #putAwayOne(root: string, client: WorkspaceClient): Promise<void> {
    await client.close();
    this.#brief.delete(root);
    // All of them may have been put away meanwhile, and another one begun.
    if (this.#clients.get(root) === client) this.#clients.delete(root);
  }

  async #endAndDo<T>(roots: readonly string[], work: () => Promise<T>): Promise<T> {
    for (const root of roots) {
      await this.#clients.get(root)?.close();
      this.#clients.delete(root);
    }
    return await work();
  }

  /** The key goes last: what is left of the files when that is cut off can be removed again. */
  async #remove(
    client: WorkspaceClient | undefined,
    { root, id }: { readonly root: string; readonly id: string },
  ): Promise<void> {
    await client?.close();
    this.#clients.delete(root);
    await removeStore(this.#directoryOf(id));
    await this.#options.keys.removeWorkspaceKey(root);
  }

  /** @throws ProtocolError REFUSED, DRAINING */
  #client(root: string): WorkspaceClient {
    const known = this.#clients.get(root);
    if (known !== undefined) return known;
    if (this.#closed) throw new ProtocolError('DRAINING', 'the snapshots were closed', { retryable: true });
    const refusal = refuseRoot(root, this.#options);
    if (refusal !== undefined) throw new ProtocolError('REFUSED', refusal);
    const client = new WorkspaceClient(
      new WorkspaceThread({
        script: this.#options.script ?? join(import.meta.dirname, 'workspace-worker.cjs'),
        settings: () => this.#settingsOf(root),
        version: () => JSON.stringify(this.#options.settings()),
        deadlines: { ...DEADLINES, ...this.#options.deadlines },
        onUnexpected: this.#options.onUnexpected,
      }),
      root,
      () => this.#neighboursOf(root),
    );
    this.#clients.set(root, client);
    return client;
  }

  #neighboursOf(root: string): WorkspaceClient[] {
    return [...this.#clients].flatMap(([other, client]) => (other !== root && overlap(other, root) ? [client] : []));
  }

  async #settingsOf(root: string): Promise<WorkspaceSettings> {
    const { dataDirectory, home, configHome, keys, settings } = this.#options;
    const { id, key } = await keys.workspaceKey(root);
    const { encrypt, watch, maxFileBytes, maxFiles, maxBytes } = settings();
    return {
      root,
      directory: this.#directoryOf(id),
      dataDirectory,
      key,
      encrypt,
      watch,
      places: configHome === undefined ? { home } : { home, configHome },
      limits: { fileBytes: maxFileBytes, files: maxFiles, bytes: maxBytes },
    };
  }

  #directoryOf(id: string): string {
    return join(this.#options.dataDirectory, 'workspaces', id);
  }
}
