/** The processes of this machine, as its system tells of them. */
import { LinuxProcesses } from './linux-processes.ts';
import type { ProcessTable } from './process-table.ts';
import { PsProcesses } from './ps-processes.ts';

export function processTable(): ProcessTable {
  return process.platform === 'linux' ? new LinuxProcesses() : new PsProcesses();
}
