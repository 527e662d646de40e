/** Takes turns between contestants, so that a busy moment of the machine meets all of them. */

/** Does one thing; its time is taken over many calls. One that has more to do than is measured resolves with its time. */
export type Action = () => void | Promise<void | number>;

export interface RoundOptions {
  readonly rounds: number;
  /** Calls of each contestant in one round. */
  readonly calls: number;
  /** Rounds before those that count. */
  readonly warmUp?: number;
}

/**
 * Runs every contestant in every round, each time beginning with another one.
 * @returns for each contestant the mean time of a call, in milliseconds, by round.
 */
export async function interleave<N extends string>(
  contestants: Readonly<Record<N, Action>>,
  { rounds, calls, warmUp = 2 }: RoundOptions,
): Promise<Record<N, number[]>> {
  const names = Object.keys(contestants) as N[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<N, number[]>;
  for (let round = -warmUp; round < rounds; round += 1) {
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(place + round + warmUp) % names.length];
      if (name === undefined) continue;
      const took = await timeOf(contestants[name], calls);
      if (round >= 0) times[name].push(took / calls);
    }
  }
  return times;
}

/** Awaits only what is a promise: a microtask between two synchronous calls would count for one of them. */
async function timeOf(action: Action, calls: number): Promise<number> {
  const begin = performance.now();
  let told = 0;
  for (let call = 0; call < calls; call += 1) {
    const pending = action();
    if (pending !== undefined) told += (await pending) ?? 0;
  }
  return told > 0 ? told : performance.now() - begin;
}

/** How long one call takes, in milliseconds. */
export async function timeOnce(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}
