/** Clears up snapshots: when a person asks for it, once a day by itself, and says before the first time that it will. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import { fulfilsWithin } from './deadline.ts';
import type { VaultPort } from './ports.ts';
import { failuresAfter, lasting, type PruneFailure } from './prune-failures.ts';
import { PruneRun, type PruneParts } from './prune-run.ts';
import { announcedDate, whatIsDue } from './prune-schedule.ts';
import { isStoreClosed } from './store-closed.ts';
import { readPruneState, writePruneState, type PruneState } from './prune-state.ts';

/** How often it is looked whether anything is due: a machine that slept, or whose clock was set, is noticed soon. */
const LOOK_MS = 60 * 60 * 1000;
/** From the opening of the store until the first look: whoever has opened it wants something else first. */
const FIRST_LOOK_MS = 30_000;
/** How long is waited to hear how many snapshots there are in a workspace, which may be being read. */
const USE_WAIT_MS = 2_000;

type Pruned = ResultOf<'snapshot/prune'>;

interface PruneFacts {
  /** Snapshots. */
  readonly count: number;
  readonly bytes: number;
  readonly kept?: number;
  readonly leftBytes?: number;
}

export interface PruneServiceParts extends PruneParts {
  readonly vault: Pick<VaultPort, 'list' | 'listSaves' | 'secret' | 'setSecret'>;
  /** Counts and bytes; never a path. */
  readonly log: (message: string, facts: PruneFacts) => void;
  /** Default 2 s. */
  readonly useWaitMs?: number;
}

export class PruneService {
  readonly #parts: PruneServiceParts;
  /** One at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #announcedFor: number | undefined;

  constructor(parts: PruneServiceParts) {
    this.#parts = parts;
  }

  /** When old snapshots will go for the first time, in milliseconds since the epoch; undefined when that is not ahead. */
  get announcedFor(): number | undefined {
    return this.#announcedFor;
  }

  /** What a person asks for needs no announcement. */
  async prune(params: ParamsOf<'snapshot/prune'>): Promise<Pruned> {
    return await this.#inOrder(async () => {
      const state = await readPruneState(this.#parts.vault);
      const pruned = await this.#carryOut(params, state);
      if (params.dryRun !== true) await this.#remember(state, pruned, params.workspace === undefined);
      return pruned;
    });
  }

  /** Of all workspaces together, and of each when it is asked for. */
  async usage({ all = false }: ParamsOf<'snapshot/usage'>): Promise<ResultOf<'snapshot/usage'>> {
    const { workspaces, vault, settings } = this.#parts;
    const stored = await workspaces.storedWorkspaces();
    const { prunedAt, announcedFor, failures } = await readPruneState(vault);
    const { maxAgeDays, maxStoredBytes } = settings();
    const rows: ResultOf<'snapshot/usage'>['workspaces'] = [];
    for (const each of all ? stored : []) rows.push(await this.#useOf(each));
    return {
      storedBytes: stored.reduce((sum, { bytes }) => sum + bytes, 0),
      snapshotBytes: stored.reduce((sum, { snapshotBytes }) => sum + snapshotBytes, 0),
      maxStoredBytes,
      maxAgeDays,
      prunedAt: shownTime(prunedAt),
      announcedFor: prunedAt === undefined ? shownTime(announcedFor) : null,
      failing: lasting(failures).map(shownFailure),
      workspaces: rows,
    };
  }

  /** What to add to the status of a workspace. */
  async statusOf(workspace: string): Promise<Pick<ResultOf<'snapshot/status'>, 'pruneFailing'>> {
    const { failures } = await readPruneState(this.#parts.vault);
    const failure = lasting(failures).find((each) => each.workspace === workspace);
    if (failure === undefined) return {};
    const { problem, since } = shownFailure(failure);
    return { pruneFailing: { problem, since } };
  }

  /** Does what is due, soon and from time to time. The store has been opened. */
  begin(): void {
    this.#lookIn(FIRST_LOOK_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #lookIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#lookIn(LOOK_MS);
      void this.doDue();
    }, delayMs);
    this.#timer.unref();
  }

  /** Never rejects: what fails is reported, and tried again later. */
  async doDue(): Promise<void> {
    try {
      await this.#inOrder(() => this.#doDue());
    } catch (error) {
      if (!isStoreClosed(error)) this.#parts.failed(error);
    }
  }

  async #doDue(): Promise<void> {
    const { vault, clock } = this.#parts;
    const state = await readPruneState(vault);
    this.#announcedFor = state.prunedAt === undefined ? state.announcedFor : undefined;
    const due = whatIsDue(state, clock.now());
    if (due === 'announce') await this.#announce(state);
    if (due !== 'prune') return;
    await this.#remember(state, await this.#carryOut({}, state), true);
  }

  /** As long as nothing would go there is nothing to tell. */
  async #announce(state: PruneState): Promise<void> {
    const { vault, clock, log } = this.#parts;
    const { removed, freedBytes } = await PruneRun.carryOut(this.#parts, {
      dryRun: true,
      seen: state.lookedAt,
    });
    const lookedAt = clock.now();
    const announcedFor = removed === 0 ? undefined : announcedDate(lookedAt);
    await writePruneState(vault, { ...state, lookedAt, announcedFor });
    this.#announcedFor = announcedFor;
    if (announcedFor === undefined) return;
    log('snapshots will be removed in a day', { count: removed, bytes: freedBytes });
  }

  async #carryOut(params: ParamsOf<'snapshot/prune'>, state: PruneState): Promise<Pruned> {
    const pruned = await PruneRun.carryOut(this.#parts, { ...params, seen: state.prunedAt ?? state.lookedAt });
    if (params.dryRun !== true) {
      const { removed, kept, freedBytes, leftBytes } = pruned;
      this.#parts.log('snapshots removed', { count: removed, kept, bytes: freedBytes, leftBytes });
    }
    return pruned;
  }

  async #remember(state: PruneState, { workspaces }: Pruned, isWhole: boolean): Promise<void> {
    const { vault, clock } = this.#parts;
    const now = clock.now();
    const failures = failuresAfter(state.failures, workspaces, isWhole, now);
    await writePruneState(vault, { ...state, failures, ...(isWhole ? { prunedAt: now } : {}) });
    if (isWhole) this.#announcedFor = undefined;
  }

  async #useOf({
    root,
    exists,
    bytes,
  }: {
    readonly root: string;
    readonly exists: boolean;
    readonly bytes: number;
  }): Promise<ResultOf<'snapshot/usage'>['workspaces'][number]> {
    const row = { workspace: root, exists, storedBytes: bytes };
    const unknown = { snapshots: 0, oldestAt: null, newestAt: null };
    try {
      const asked = this.#parts.workspaces.briefly(root, (files) => files.use());
      if (!(await fulfilsWithin(asked, this.#parts.useWaitMs ?? USE_WAIT_MS))) {
        return { ...row, ...unknown, problem: 'its files are being read; ask again later' };
      }
      const { snapshots, oldestAt, newestAt } = await asked;
      return { ...row, snapshots, oldestAt: shownTime(oldestAt), newestAt: shownTime(newestAt), problem: '' };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { ...row, ...unknown, problem: error.message };
    }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function shownFailure({ workspace, problem, since }: PruneFailure) {
  return { workspace, problem, since: new Date(since).toISOString() };
}

function shownTime(at: number | null | undefined): string | null {
  return at === undefined || at === null ? null : new Date(at).toISOString();
}
