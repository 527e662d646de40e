/** The processes of a Linux machine, from /proc. */
import { readFileSync, readdirSync } from 'node:fs';
import type { ProcessRow, ProcessTable } from './process-table.ts';

export class LinuxProcesses implements ProcessTable {
  bootId(): string {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  }

  find(pid: number): ProcessRow | undefined {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The name stands in parentheses and may contain anything, also parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', , group, session] = fields;
    const startTime = fields[19];
    if (startTime === undefined) return undefined;
    return { pid, group: Number(group), session: Number(session), startTime, ended: state === 'Z' || state === 'X' };
  }

  all(): ProcessRow[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => this.find(Number(name)))
      .filter((row) => row !== undefined);
  }

  given(variable: string, pids: readonly number[]): ReadonlySet<number> {
    return new Set(pids.filter((pid) => `\0${read(`/proc/${pid}/environ`) ?? ''}`.includes(`\0${variable}\0`)));
  }

  isBefore(startTime: string, other: string): boolean {
    return Number(startTime) < Number(other);
  }
}

/** @returns undefined for a process that has gone, or of which nothing is told. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
