/** When snapshots were last cleared up, and what was announced: kept in the store. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { VaultPort } from './ports.ts';

/** Milliseconds since the epoch. */
export interface PruneState {
  /** Undefined before the first time. */
  readonly prunedAt: number | undefined;
  /** When it was last found out what would go. */
  readonly lookedAt: number | undefined;
  /** When the first time is to be; undefined before anybody was told. */
  readonly announcedFor: number | undefined;
}

const NAME = 'snapshots.prune';
const NOTHING: PruneState = { prunedAt: undefined, lookedAt: undefined, announcedFor: undefined };

/** One that is damaged counts as none: then it is announced once more. */
export async function readPruneState(vault: Pick<VaultPort, 'secret'>): Promise<PruneState> {
  try {
    const text = await vault.secret(NAME);
    if (text === null) return NOTHING;
    const { prunedAt, lookedAt, announcedFor } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { prunedAt: timeIn(prunedAt), lookedAt: timeIn(lookedAt), announcedFor: timeIn(announcedFor) };
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
