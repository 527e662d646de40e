/** One clearing up of snapshots, of one workspace or all: first what is too old, then what there is no room for. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { Protections } from '../domain/snapshot-retention.ts';
import type { ClockPort, VaultPort } from './ports.ts';
import type { ProtectionChanges } from './protection-changes.ts';
import type {
  ProtectionsAsOf,
  PruneOrder,
  PruneOutcome,
  RetentionSettings,
  StoredWorkspace,
  WorkspaceFiles,
  WorkspacesPort,
} from './snapshot-port.ts';

const DAY = 24 * 60 * 60 * 1000;
/** All of them at once: one that moves between two pages would lose its protection. */
const ALL = 1_000_000;
/** So often a workspace is begun anew because what is protected has changed. */
const ATTEMPTS = 20;

export interface PruneParts {
  readonly vault: Pick<VaultPort, 'list' | 'listSaves'>;
  readonly workspaces: WorkspacesPort;
  readonly clock: ClockPort;
  readonly changes: ProtectionChanges;
  readonly settings: () => RetentionSettings;
  /** Puts into the log why a workspace was left as it is. */
  readonly failed: (error: unknown) => void;
}

export interface PruneWish extends ParamsOf<'snapshot/prune'> {
  /** When this was last decided, in milliseconds since the epoch. */
  readonly seen: number | undefined;
}

type Row = ResultOf<'snapshot/prune'>['workspaces'][number];

interface Pruned {
  readonly stored: StoredWorkspace;
  readonly row: Row;
  readonly newestAt: number;
}

interface Known {
  readonly asOf: ProtectionsAsOf;
  readonly protections: Protections;
}

export class PruneRun {
  readonly #parts: PruneParts;
  readonly #wish: PruneWish;
  #known: Known | undefined;

  private constructor(parts: PruneParts, wish: PruneWish) {
    this.#parts = parts;
    this.#wish = wish;
  }

  /** What fails in one workspace is said there, and the others go on. @throws ProtocolError DRAINING */
  static async carryOut(parts: PruneParts, wish: PruneWish): Promise<ResultOf<'snapshot/prune'>> {
    return await new PruneRun(parts, wish).#all();
  }

  async #all(): Promise<ResultOf<'snapshot/prune'>> {
    const { workspaces, settings } = this.#parts;
    const { workspace, dryRun = false } = this.#wish;
    const stored = await workspaces.storedWorkspaces();
    const wanted = workspace === undefined ? stored : stored.filter(({ root }) => root === workspace);
    const orphanedBytes = workspace === undefined && !dryRun ? await this.#clearOrphans() : 0;
    const pruned: Pruned[] = [];
    for (const each of wanted) pruned.push(await this.#prune(each, Infinity));
    const { maxStoredBytes } = settings();
    const limit = maxStoredBytes === 0 || workspace !== undefined ? Infinity : maxStoredBytes;
    const fitted = (await this.#fit(pruned, limit)).map(({ row }) => row);
    const rows = dryRun ? fitted : await this.#removeEmpty(fitted);
    return { ...totalsOf(rows, orphanedBytes, limit), workspaces: [...rows] };
  }

  /** The workspace that was left alone the longest gives room first. */
  async #fit(pruned: readonly Pruned[], limit: number): Promise<readonly Pruned[]> {
    let total = pruned.reduce((sum, { row }) => sum + row.leftBytes, 0);
    const fitted: Pruned[] = [];
    for (const each of pruned.toSorted((left, right) => left.newestAt - right.newestAt)) {
      const { leftBytes, problem } = each.row;
      const over = total - limit;
      if (over <= 0 || leftBytes === 0 || problem !== '') {
        fitted.push(each);
        continue;
      }
      const again = await this.#prune(each.stored, Math.max(0, leftBytes - over));
      total -= leftBytes - again.row.leftBytes;
      // A dry run has said all of it again.
      fitted.push(this.#wish.dryRun === true ? again : { ...again, row: joined(each.row, again.row) });
    }
    return fitted;
  }

  async #prune(stored: StoredWorkspace, maxBytes: number): Promise<Pruned> {
    const { root } = stored;
    try {
      const outcome = await this.#parts.workspaces.briefly(root, (files) => this.#carriedOut(files, stored, maxBytes));
      const isEmpty = outcome.names === 0 && !this.#isAwaited(stored, outcome);
      return { stored, row: rowOf(stored, outcome, isEmpty), newestAt: outcome.newestAt ?? -Infinity };
    } catch (error) {
      if (isEnd(error)) throw error;
      const problem = error instanceof ProtocolError ? error.message : 'it failed for a reason m does not know';
      this.#parts.failed(error);
      const nothing = { removed: 0, kept: 0, freedBytes: 0, leftBytes: stored.snapshotBytes };
      return {
        stored,
        row: { ...rowOf(stored, nothing, false), problem },
        newestAt: Infinity,
      };
    }
  }

  /** What was read for a snapshot that came too late is there for the next one, until it is as old as they may become. */
  #isAwaited({ exists, packedAt }: StoredWorkspace, { removed, leftBytes }: PruneOutcome): boolean {
    if (!exists || removed > 0 || leftBytes === 0) return false;
    const { clock, settings } = this.#parts;
    const { maxAgeDays } = settings();
    // Where nothing had been stored before, it was since this clearing up began.
    return packedAt === 0 || maxAgeDays === 0 || packedAt > clock.now() - maxAgeDays * DAY;
  }

  /** Begins anew when a person has saved or pinned something, or forked, before names went. */
  async #carriedOut(files: WorkspaceFiles, stored: StoredWorkspace, maxBytes: number): Promise<PruneOutcome> {
    for (let attempt = 1; ; attempt += 1) {
      const order = await this.#order(stored, maxBytes);
      try {
        return await files.prune(order);
      } catch (error) {
        const isOvertaken = error instanceof ProtocolError && error.kind === 'CONFLICT';
        if (!isOvertaken || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #order({ exists }: StoredWorkspace, maxBytes: number): Promise<PruneOrder> {
    const { clock, settings } = this.#parts;
    const { maxAgeDays } = settings();
    const { asOf, protections } = await this.#protections();
    return {
      // Nobody works where nothing is; what a person has named stays there too.
      protections: exists ? protections : { ...protections, live: new Set<string>() },
      asOf,
      now: clock.now(),
      seen: this.#wish.seen,
      maxAgeMs: maxAgeDays === 0 ? Infinity : maxAgeDays * DAY,
      maxBytes,
      thorough: false,
      dryRun: this.#wish.dryRun ?? false,
    };
  }

  /** Read once for all workspaces, unless it changes: that takes a while where sessions are many. */
  async #protections(): Promise<Known> {
    const { vault, changes } = this.#parts;
    const asOf = changes.now();
    if (this.#known?.asOf.was !== asOf.was) this.#known = { asOf, protections: await protectionsOf(vault) };
    return this.#known;
  }

  /** @returns the rows, with why one could not be removed. */
  async #removeEmpty(rows: readonly Row[]): Promise<readonly Row[]> {
    const done: Row[] = [];
    for (const row of rows) done.push(row.empty ? await this.#removed(row) : row);
    return done;
  }

  async #removed(row: Row): Promise<Row> {
    try {
      await this.#parts.workspaces.removeIfEmpty(row.workspace);
      return row;
    } catch (error) {
      if (isEnd(error)) throw error;
      this.#parts.failed(error);
      return { ...row, problem: `what was stored of it could not be removed (${reasonOf(error)})` };
    }
  }

  /** As old as what they hold would have to be. One that cannot be removed keeps nothing else on the disk. */
  async #clearOrphans(): Promise<number> {
    const { clock, settings, workspaces, failed } = this.#parts;
    const { maxAgeDays } = settings();
    if (maxAgeDays === 0) return 0;
    try {
      return await workspaces.clearOrphans(clock.now() - maxAgeDays * DAY);
    } catch (error) {
      if (isEnd(error)) throw error;
      failed(error);
      return 0;
    }
  }
}

/** Sessions that were archived are put away: nothing of theirs is kept for its being the newest. */
async function protectionsOf(vault: PruneParts['vault']): Promise<Protections> {
  const { heads } = await vault.list({ archived: 'include', limit: ALL });
  const { saves } = await vault.listSaves(ALL, 0);
  const idsOf = (wanted: typeof heads) => new Set(wanted.map(({ id }) => id));
  return {
    pinned: idsOf(heads.filter(({ pinned }) => pinned)),
    live: idsOf(heads.filter(({ archived }) => !archived)),
    saves: saves.map(({ sessionId, turn }) => ({ session: sessionId, turn })),
  };
}

/** @param empty it goes as a whole, with what the newest scan has found. */
function rowOf(
  { root, exists }: StoredWorkspace,
  outcome: Pick<PruneOutcome, 'removed' | 'kept' | 'freedBytes' | 'leftBytes'>,
  empty: boolean,
): Row {
  const { removed, kept } = outcome;
  const freedBytes = outcome.freedBytes + (empty ? outcome.leftBytes : 0);
  const leftBytes = empty ? 0 : outcome.leftBytes;
  return { workspace: root, exists, removed, kept, freedBytes, leftBytes, empty, problem: '' };
}

function joined(first: Row, then: Row): Row {
  const removed = first.removed + then.removed;
  return { ...then, removed, freedBytes: first.freedBytes + then.freedBytes };
}

function totalsOf(
  rows: readonly Row[],
  orphanedBytes: number,
  limit: number,
): Omit<ResultOf<'snapshot/prune'>, 'workspaces'> {
  const sum = (key: 'removed' | 'kept' | 'freedBytes' | 'leftBytes'): number =>
    rows.reduce((total, row) => total + row[key], 0);
  const leftBytes = sum('leftBytes');
  return {
    removed: sum('removed'),
    kept: sum('kept'),
    freedBytes: sum('freedBytes') + orphanedBytes,
    leftBytes,
    overBytes: Math.max(0, leftBytes - limit),
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'for a reason m does not know';
}

/** The daemon leaves, or the store was locked: nothing is wrong with this workspace. */
function isEnd(error: unknown): boolean {
  return error instanceof ProtocolError && (error.kind === 'DRAINING' || error.kind.startsWith('KEY_'));
}
