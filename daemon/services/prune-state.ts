/** When snapshots were last cleared up, where that failed, and what was announced: kept in the store. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { VaultPort } from './ports.ts';
import { failuresIn, type PruneFailure } from './prune-failures.ts';

/** Milliseconds since the epoch. */
export interface PruneState {
  /** Undefined before the first time. */
  readonly prunedAt: number | undefined;
  /** When it was last found out what would go. */
  readonly lookedAt: number | undefined;
  /** When the first time is to be; undefined before anybody was told. */
  readonly announcedFor: number | undefined;
  /** Of the last time. */
  readonly failures: readonly PruneFailure[];
}

const NAME = 'snapshots.prune';
const NOTHING: PruneState = { prunedAt: undefined, lookedAt: undefined, announcedFor: undefined, failures: [] };

/** One that is damaged counts as none: then it is announced once more. */
export async function readPruneState(vault: Pick<VaultPort, 'secret'>): Promise<PruneState> {
  try {
    const text = await vault.secret(NAME);
    if (text === null) return NOTHING;
    const { prunedAt, lookedAt, announcedFor, failures } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const times = { prunedAt: timeIn(prunedAt), lookedAt: timeIn(lookedAt), announcedFor: timeIn(announcedFor) };
    return { ...times, failures: failuresIn(failures) };
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof ProtocolError && error.kind === 'TAMPERED')) return NOTHING;
    throw error;
  }
}

export async function writePruneState(vault: Pick<VaultPort, 'setSecret'>, state: PruneState): Promise<void> {
  await vault.setSecret(NAME, JSON.stringify(state));
}

function timeIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
