/** Workspaces whose thread does what the test says, and remembers what it was asked. */
import type {
  PointName,
  PruneOrder,
  PruneOutcome,
  ReadingProgress,
  StoredWorkspace,
  WorkspaceFiles,
  WorkspacesPort,
} from '../../../../daemon/services/snapshot-port.ts';
import { ProtocolError } from '../../../../protocol/errors.ts';

type Counts = Awaited<ReturnType<WorkspaceFiles['endTurn']>>;
type Restored = Awaited<ReturnType<WorkspaceFiles['apply']>>;

export const COUNTS: Counts = { files: 2, added: 3, removed: 1, byShell: 1, others: 0, skipped: 0 };
const RESTORED: Restored = { files: [], filesMore: 0, restored: 1, deleted: 0, left: 0, kept: 0, conflicts: 0 };

/** `begin 1-pre` for a turn, `taken` for one that a person takes. */
function shown({ point }: PointName): string {
  return point.kind === 'turn' ? `${point.turn}-${point.phase}` : 'by hand';
}

export class FakeWorkspaces implements WorkspacesPort {
  /** What was asked, in order. */
  readonly asked: string[] = [];
  /** What each of these does instead of succeeding. */
  readonly instead: Partial<Record<'of' | 'take' | 'begin' | 'end' | 'post' | 'apply' | 'use', () => Promise<void>>> =
    {};
  /** Snapshots that are there. */
  readonly stored = new Set<string>();
  reading: ReadingProgress | undefined;
  isStored = true;
  /** Whether the sessions that are forgotten had any. */
  hadSnapshots = true;
  /** What is stored of workspaces, and what clearing up does there. */
  readonly kept = new Map<
    string,
    {
      exists: boolean;
      bytes: number;
      snapshotBytes?: number;
      packedAt?: number;
      prune: (order: PruneOrder) => PruneOutcome | Promise<PruneOutcome>;
    }
  >();
  readonly roots = new Set<string>();
  /** Where no directory is. */
  readonly missing = new Set<string>();
  /** Of which nothing can be removed; then nothing that belongs to no workspace can either. */
  readonly stuck = new Set<string>();

  async of(root: string): Promise<WorkspaceFiles> {
    await this.instead.of?.();
    this.roots.add(root);
    return { ...this.#files, prune: (order) => this.#prune(root, order) };
  }

  async briefly<T>(root: string, work: (files: WorkspaceFiles) => Promise<T>): Promise<T> {
    return await work(await this.of(root));
  }

  has(): Promise<boolean> {
    return Promise.resolve(this.isStored);
  }

  requireDirectory(root: string): Promise<void> {
    if (!this.missing.has(root)) return Promise.resolve();
    return Promise.reject(new ProtocolError('INVALID_PARAMS', `${root} is no directory`));
  }

  storedWorkspaces(): Promise<StoredWorkspace[]> {
    return Promise.resolve(
      [...this.kept.entries()].map(([root, { exists, bytes, snapshotBytes = bytes, packedAt = 0 }]) => ({
        root,
        exists,
        bytes,
        snapshotBytes,
        packedAt,
      })),
    );
  }

  clearOrphans(before: number): Promise<number> {
    this.asked.push(`clear orphans before ${before}`);
    if (this.stuck.size > 0) return Promise.reject(new Error('EACCES: permission denied'));
    return Promise.resolve(0);
  }

  recover(): Promise<string[]> {
    return Promise.resolve([]);
  }

  async moving<T>(from: string, to: string, work: () => Promise<T>): Promise<T> {
    this.asked.push(`move ${from} ${to}`);
    return await work();
  }

  removeIfEmpty(root: string): Promise<void> {
    this.asked.push(`remove ${root} if empty`);
    if (this.stuck.has(root)) return Promise.reject(new Error('EACCES: permission denied'));
    return Promise.resolve();
  }

  putAway(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #prune(root: string, order: PruneOrder): Promise<PruneOutcome> {
    const none: PruneOutcome = {
      removed: 0,
      kept: 0,
      names: 1,
      freedBytes: 0,
      leftBytes: 0,
      damaged: 0,
      newestAt: null,
    };
    this.asked.push(`prune ${root}${order.thorough ? ' thoroughly' : ''}`);
    return (await this.kept.get(root)?.prune(order)) ?? none;
  }

  async #do(name: keyof FakeWorkspaces['instead'], what: string): Promise<void> {
    this.asked.push(what);
    await this.instead[name]?.();
  }

  readonly #files: WorkspaceFiles = {
    take: async (name, signal) => {
      const given = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
      await Promise.race([given, this.#do('take', `take ${shown(name)}`)]);
      if (this.asked.includes(`too late ${shown(name)}`)) throw new ProtocolError('DEADLINE', 'too late');
      this.stored.add(shown(name));
      const counts = { files: 1, bytes: 1, skipped: 0 };
      const at = new Date().toISOString();
      return { snapshot: { point: name.point, sessionId: name.sessionId ?? null, at, ...counts }, durationMs: 1 };
    },
    progress: () => this.reading,
    tooLate: (name) => void this.asked.push(`too late ${shown(name)}`),
    beginCall: (_turn, { kind, callId }) => this.#do('begin', `begin ${kind} ${callId}`),
    endCall: (_turn, { kind, callId }) => this.#do('end', `end ${kind} ${callId}`),
    endTurn: async ({ turn }) => {
      await this.#do('post', `post ${turn}`);
      return COUNTS;
    },
    show: (name) =>
      this.stored.has(shown(name))
        ? Promise.resolve({ remarks: [] } as never)
        : Promise.reject(new ProtocolError('NOT_FOUND', `there is no snapshot ${shown(name)}`)),
    plan: ({ newestTurn }) => {
      this.asked.push(`plan at ${newestTurn}`);
      return Promise.resolve({ planId: 'P' } as never);
    },
    apply: async (_sessionId, planId) => {
      await this.#do('apply', `apply ${planId}`);
      return RESTORED;
    },
    copySession: (from, to, upToTurn) => {
      this.asked.push(`copy ${from} ${to} ${upToTurn}`);
      return Promise.resolve();
    },
    forgetSession: async (sessionId) => {
      await this.#do('end', `forget ${sessionId}`);
      return this.hadSnapshots;
    },
    diff: () => Promise.resolve({ files: [], nextOffset: null, total: 0, added: 0, removed: 0 }),
    list: (owner) => {
      this.asked.push(`list ${owner?.sessionId ?? 'all'}`);
      return Promise.resolve({ snapshots: [], nextCursor: null });
    },
    status: () => Promise.reject(new Error('not asked here')),
    use: async () => {
      await this.instead.use?.();
      return { snapshots: 1, oldestAt: 0, newestAt: 1 };
    },
    prune: () => Promise.reject(new Error('of a workspace')),
    exportTo: () => Promise.reject(new Error('not asked here')),
    writeOut: () => Promise.reject(new Error('not asked here')),
    verify: () => Promise.reject(new Error('not asked here')),
  };
}
