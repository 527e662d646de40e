/** What the process gives up before it holds any key. */
import { writeFileSync } from 'node:fs';

/** New files are the user's alone, no memory goes into a core dump, and no signal opens a debugger. */
export function hardenProcess(): void {
  process.umask(0o077);
  // Node would listen for a debugger, which any user of the machine could attach to.
  process.on('SIGUSR1', () => undefined);
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // A kernel without core dumps has no filter for them either.
  }
}
