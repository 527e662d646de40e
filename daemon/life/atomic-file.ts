/** Small records of the process, replaced as a whole so that nobody reads half of one. */
import { renameSync, writeFileSync } from 'node:fs';

/**
 * Writes a file of mode 0600.
 * @throws the error of the file system.
 */
export function writeAtomically(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
