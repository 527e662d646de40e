/** Which states a turn goes through. */
import type { TurnState } from '../../protocol/turn.ts';

/** Every legal move. What is not here is a bug. */
const MOVES: Readonly<Record<TurnState, readonly TurnState[]>> = {
  queued: ['running', 'cancelled'],
  running: ['waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
  waiting: ['running', 'waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
  completed: [],
  failed: [],
  cancelled: [],
  interrupted: [],
};

/** Whether a turn may go from one state to another. */
export function mayMove(from: TurnState, to: TurnState): boolean {
  return MOVES[from].includes(to);
}

/** Whether a turn in this state has ended. */
export function hasEnded(state: TurnState): boolean {
  return MOVES[state].length === 0;
}
