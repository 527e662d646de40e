/** The terminal that a program belongs to, whatever its standard input is. */
import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';

/** What is typed there; undefined without a terminal. The caller destroys it. */
export function openControllingTerminal(): ReadStream | undefined {
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    // A program without a terminal, or a system without such a file: then nobody can be asked.
    return undefined;
  }
}
