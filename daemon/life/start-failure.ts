/** Tells the client that started this daemon why it refused: there is no terminal, and no socket yet. */
import { join } from 'node:path';
import type { ProtocolError } from '../../protocol/errors.ts';
import { writeAtomically } from './atomic-file.ts';

/**
 * Leaves `start-failure.json` {at, pid, kind, message, hint} in the run directory; `at` is in milliseconds since the epoch.
 * Does nothing when the run directory itself cannot be written: the client checks that directory before.
 */
export function reportStartFailure(runDirectory: string, error: ProtocolError, now: number): void {
  const { kind, message, hint } = error;
  try {
    writeAtomically(
      join(runDirectory, 'start-failure.json'),
      `${JSON.stringify({ at: now, pid: process.pid, kind, message, hint })}\n`,
    );
  } catch {
    // Nobody is left to tell; the exit code still says that the start was refused.
  }
}
