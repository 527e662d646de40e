/** Chance that can be repeated: M_FAULT_SEED chooses it, and a test that fails says which it was. */
import { onTestFailed } from 'vitest';

export class Chance {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True so many times of a hundred. */
  percent(share: number): boolean {
    return this.next() * 100 < share;
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[Math.floor(this.next() * values.length)] ?? values[0];
  }

  /** Chance of its own for one of several that run at once, so that their order does not matter. */
  fork(): Chance {
    return new Chance(Math.floor(this.next() * 4_294_967_296));
  }
}

/** The chance of this test. */
export function chance(): Chance {
  const given = process.env['M_FAULT_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 1_000_000) : Number(given);
  onTestFailed(() => {
    process.stderr.write(`\nrepeat with M_FAULT_SEED=${seed}\n`);
  });
  return new Chance(seed);
}

/** How often a fault is tried: ten times in `npm test`, 200 in `npm run test:fault`. */
export function faultLoops(): number {
  return Number(process.env['M_FAULT_LOOPS'] ?? 10);
}
