/** What turns do to the files of their workspaces, for all turns of a daemon. */
import type { EventData } from '../../protocol/event.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { TurnPlace } from './turn-place.ts';
import { TurnSnapshots, type Shared, type SnapshotParts } from './turn-snapshots.ts';

/** Makes what every turn needs. */
export class SnapshotKeeper {
  readonly #parts: SnapshotParts;
  readonly #shared: Shared = { informed: new Set(), turns: new Map() };

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /** @param tell told how far the files are captured, when that takes long. */
  ofTurn(place: TurnPlace, tell: (told: EventData<'capture'>) => void): TurnSnapshots {
    return new TurnSnapshots(place, this.#parts, this.#shared, tell);
  }

  /** As TurnSnapshots'. @returns no turn when none is being captured. */
  giveUp(sessionId: string): ResultOf<'snapshot/giveUp'> {
    return this.#shared.turns.get(sessionId)?.giveUp() ?? { turn: null };
  }
}
