/** What the process gives up before it holds any key. */
import { closeSync, writeFileSync } from 'node:fs';

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

/** Closes what the starter was handed itself: a caller that reads a pipe to its end would wait for us. */
export function closeInherited(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) {
    try {
      closeSync(descriptor);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
    }
  }
}
