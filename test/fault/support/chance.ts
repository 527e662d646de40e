/** Chance that can be repeated: M_FAULT_SEED chooses it, and a test that fails says which it was. */
import { onTestFailed } from 'vitest';
import { Chance } from './seeded.ts';

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
