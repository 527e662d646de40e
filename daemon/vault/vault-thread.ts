/** Starts the vault's thread, alone and early: it takes as long to come up as everything else does to load. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { VaultSettings } from './calls.ts';

/** Nobody hears of its end until a vault client has taken it over. */
export function startVaultThread(
  settings: VaultSettings,
  script = join(import.meta.dirname, 'vault-worker.cjs'),
): Worker {
  return new Worker(script, { workerData: settings });
}
