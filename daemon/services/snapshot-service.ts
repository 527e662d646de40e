/** Looks at snapshots, takes one by hand, and writes them out. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { SnapshotOwner, SnapshotPoint } from '../../protocol/snapshot.ts';
import { explained } from './missing-snapshot.ts';
import type { ClockPort, SessionHead, VaultPort } from './ports.ts';
import { Repeatable } from './repeatable.ts';
import type { PointName, SnapshotSettings, TakenSnapshot, WorkspaceFiles, WorkspacesPort } from './snapshot-port.ts';
import { requireWorkspace } from './turn-start.ts';

const DEFAULT_PAGE = 50;
/** Snapshots taken by hand that are remembered, so that asking again does not take another one. */
const REMEMBERED = 100;
const OFF = 'snapshots_enabled is false';
const NOTHING_STORED: Omit<ResultOf<'snapshot/status'>, 'state' | 'reason' | 'encrypted'> = {
  files: 0,
  bytes: 0,
  skipped: 0,
  skippedFiles: [],
  lastAt: null,
  lastDurationMs: 0,
  snapshots: 0,
  storedBytes: 0,
  busy: null,
  engine: 'scan',
  engineReason: '',
};

const NOTHING_CHECKED: Omit<ResultOf<'snapshot/verify'>, 'problems'> = {
  directory: '',
  encrypted: false,
  snapshots: 0,
  records: 0,
  packs: 0,
  objects: 0,
  bytes: 0,
  halfRead: 0,
  durationMs: 0,
  problemsMore: 0,
  hurt: [],
  hurtMore: 0,
};

export interface SnapshotServiceParts {
  readonly vault: VaultPort;
  readonly clock: ClockPort;
  readonly workspaces: WorkspacesPort;
  readonly settings: () => SnapshotSettings;
}

/** Whose files, and where they are. */
interface Owned {
  readonly root: string;
  /** Undefined for a workspace as such. */
  readonly head: SessionHead | undefined;
}

export class SnapshotService {
  readonly #parts: SnapshotServiceParts;
  readonly #taken = new Repeatable<TakenSnapshot>(REMEMBERED);

  constructor(parts: SnapshotServiceParts) {
    this.#parts = parts;
  }

  async list({ owner, limit, cursor }: ParamsOf<'snapshot/list'>): Promise<ResultOf<'snapshot/list'>> {
    const { root, head } = await this.#owned(owner);
    if (!(await this.#parts.workspaces.has(root))) return { snapshots: [], nextCursor: null };
    const files = await this.#parts.workspaces.of(root);
    return await files.list(head === undefined ? undefined : { sessionId: head.id }, limit ?? DEFAULT_PAGE, cursor);
  }

  async show({ owner, point }: ParamsOf<'snapshot/show'>): Promise<ResultOf<'snapshot/show'>> {
    const owned = await this.#owned(owner);
    return await this.#look(owned, [point], (files) => files.show(nameOf(owned, point)));
  }

  async diff({ owner, ...params }: ParamsOf<'snapshot/diff'>): Promise<ResultOf<'snapshot/diff'>> {
    const owned = await this.#owned(owner);
    const points = params.to === undefined ? [params.from] : [params.from, params.to];
    for (const point of points) nameOf(owned, point);
    return await this.#look(owned, points, (files) => files.diff(owned.head?.id, params));
  }

  async status({ workspace }: ParamsOf<'snapshot/status'>): Promise<ResultOf<'snapshot/status'>> {
    const { workspaces, settings } = this.#parts;
    const { enabled, encrypt } = settings();
    const off = enabled ? undefined : ({ state: 'off', reason: OFF } as const);
    try {
      if (!(await workspaces.has(workspace))) {
        // Asked only for whether it would be captured.
        if (enabled) await workspaces.of(workspace);
        return { ...NOTHING_STORED, encrypted: encrypt, ...(off ?? { state: 'none', reason: '' }) };
      }
      const { lastError, ...status } = await (await workspaces.of(workspace)).status();
      return { ...status, ...(off ?? stateOf(lastError, status.snapshots)) };
    } catch (error) {
      if (!(error instanceof ProtocolError && error.kind === 'REFUSED')) throw error;
      return { ...NOTHING_STORED, encrypted: encrypt, ...(off ?? { state: 'refused', reason: error.message }) };
    }
  }

  async take({ opId, workspace }: ParamsOf<'snapshot/take'>): Promise<ResultOf<'snapshot/take'>> {
    const { workspaces, clock, settings } = this.#parts;
    return await this.#taken.once(opId, workspace, async () => {
      if (!settings().enabled) {
        throw new ProtocolError('REFUSED', `no snapshots are taken: ${OFF}`, {
          hint: 'Switch them on: mctl config set snapshots_enabled true',
        });
      }
      const files = await workspaces.of(workspace);
      const name: PointName = { sessionId: undefined, point: { kind: 'taken', id: clock.id() } };
      return await files.take(name, new AbortController().signal);
    });
  }

  async exportTo({ workspace, destination }: ParamsOf<'snapshot/export'>): Promise<ResultOf<'snapshot/export'>> {
    return await (await storedFiles(this.#parts.workspaces, workspace)).exportTo(destination);
  }

  async writeOut(params: ParamsOf<'snapshot/writeOut'>): Promise<ResultOf<'snapshot/writeOut'>> {
    const { sessionId, turn, phase, destination } = params;
    const owned = await this.#owned({ kind: 'session', sessionId });
    const point = { kind: 'turn', turn, phase } as const;
    return await this.#look(owned, [point], (files) => files.writeOut({ sessionId, point }, destination));
  }

  /** @throws the signal's reason. */
  async verify({ owner }: ParamsOf<'snapshot/verify'>, signal: AbortSignal): Promise<ResultOf<'snapshot/verify'>> {
    const { root } = await this.#owned(owner);
    const files = await storedFiles(this.#parts.workspaces, root);
    try {
      return await files.verify(signal);
    } catch (error) {
      // What is stored is so damaged that it does not even open.
      if (!(error instanceof ProtocolError && error.kind === 'TAMPERED')) throw error;
      return { ...NOTHING_CHECKED, problems: [error.message] };
    }
  }

  async #owned(owner: SnapshotOwner): Promise<Owned> {
    if (owner.kind === 'workspace') return { root: owner.workspace, head: undefined };
    const head = await this.#parts.vault.head(owner.sessionId);
    requireWorkspace(head.workspace);
    return { root: head.workspace, head };
  }

  async #look<T>(
    { root, head }: Owned,
    points: readonly SnapshotPoint[],
    ask: (files: WorkspaceFiles) => Promise<T>,
  ): Promise<T> {
    try {
      return await ask(await storedFiles(this.#parts.workspaces, root));
    } catch (error) {
      throw await explained(this.#parts.vault, error, head, points);
    }
  }
}

/** @throws ProtocolError NOT_FOUND when nothing is stored of this workspace. */
export async function storedFiles(workspaces: WorkspacesPort, root: string): Promise<WorkspaceFiles> {
  if (await workspaces.has(root)) return await workspaces.of(root);
  throw new ProtocolError('NOT_FOUND', `there are no snapshots of ${root}`, {
    hint: 'The first turn there takes one, unless snapshots_enabled is false.',
  });
}

/** @throws ProtocolError INVALID_PARAMS for a turn of nobody. */
function nameOf({ head }: Owned, point: SnapshotPoint): PointName {
  if (point.kind === 'taken') return { sessionId: undefined, point };
  if (head !== undefined) return { sessionId: head.id, point };
  throw new ProtocolError('INVALID_PARAMS', 'a turn belongs to a session: say which one');
}

function stateOf(lastError: string, snapshots: number): { state: 'failing' | 'none' | 'on'; reason: string } {
  if (lastError !== '') return { state: 'failing', reason: lastError };
  return { state: snapshots === 0 ? 'none' : 'on', reason: '' };
}
