/** Why a running turn is stopped from outside. Travels as the reason of its AbortSignal. */

export class TurnStop extends Error {
  override readonly name = 'TurnStop';
  /**
   * `cancelled`: a person cancelled the turn. `stopped`: a person stopped the daemon; the turn ends as interrupted.
   * `paused`: the daemon leaves for another reason; the next one continues the turn by itself.
   */
  readonly why: 'cancelled' | 'stopped' | 'paused';

  constructor(why: TurnStop['why']) {
    super(why);
    this.why = why;
  }
}

/** Whether what an aborted signal stops ends because the daemon does, and not because a person cancelled it. */
export function isLeaving({ reason }: AbortSignal): boolean {
  return reason instanceof TurnStop && reason.why !== 'cancelled';
}
