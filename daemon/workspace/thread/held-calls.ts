/** Calls of turns that have begun and not ended: the thread of their workspace remembers them, and must not end. */
import type { TurnRef } from '../../services/snapshot-port.ts';
import { turnName } from '../engine/names.ts';

interface HeldCall {
  readonly release: () => void;
  /** What it may change: absolute paths of files, or of a directory with all that is in it. */
  readonly places: readonly string[];
}

export class HeldCalls {
  readonly #byTurn = new Map<string, Map<string, HeldCall>>();

  get isEmpty(): boolean {
    return this.#byTurn.size === 0;
  }

  /** What they may change, all of them. */
  get places(): readonly string[] {
    return [...this.#byTurn.values()].flatMap((calls) => [...calls.values()].flatMap(({ places }) => places));
  }

  add(turn: TurnRef, callId: string, call: HeldCall): void {
    const name = turnName(turn);
    const calls = this.#byTurn.get(name) ?? new Map<string, HeldCall>();
    calls.get(callId)?.release();
    calls.set(callId, call);
    this.#byTurn.set(name, calls);
  }

  end(turn: TurnRef, callId: string): void {
    const name = turnName(turn);
    const calls = this.#byTurn.get(name);
    calls?.get(callId)?.release();
    calls?.delete(callId);
    if (calls?.size === 0) this.#byTurn.delete(name);
  }

  endAll(turn: TurnRef): void {
    const name = turnName(turn);
    for (const { release } of this.#byTurn.get(name)?.values() ?? []) release();
    this.#byTurn.delete(name);
  }
}
