/** Which states a turn goes through. */
import type { TurnState } from '../../protocol/turn.ts';

/** Every legal move. What is not here is a bug. */
const MOVES: Readonly<Record<TurnState, readonly TurnState[]>> = {
  queued: ['running', 'cancelled'],
  running: ['waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
  waiting: ['running', 'waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
  // A person may have it go on, begin again, or leave it as it is.
  completed: ['running'],
  failed: ['running'],
  cancelled: ['running'],
  interrupted: ['running', 'cancelled'],
};

const ENDED: readonly TurnState[] = ['completed', 'failed', 'cancelled', 'interrupted'];

/** Whether a turn may go from one state to another. */
export function mayMove(from: TurnState, to: TurnState): boolean {
  return MOVES[from].includes(to);
}

/** Whether a turn in this state has ended, unless a person has it go on. */
export function hasEnded(state: TurnState): boolean {
  return ENDED.includes(state);
}
