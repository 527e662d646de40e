/** Ends what commands of an earlier daemon, or of a lost thread, left behind. */
import type { ProcessRecord } from '../../services/tool-port.ts';
import { endProcesses } from './end-processes.ts';
import type { ProcessTable } from './process-table.ts';

/**
 * Resolves when none is alive.
 * @throws Error that names the processes that could not be ended.
 */
export async function endSurvivors(table: ProcessTable, records: readonly ProcessRecord[]): Promise<void> {
  const endings = await Promise.all(records.map((record) => endProcesses(table, { record, ours: false })));
  const left = endings.flatMap((ending) => ending.left);
  if (left.length > 0) throw new Error(`processes that commands had started could not be ended: ${left.join(', ')}`);
}
