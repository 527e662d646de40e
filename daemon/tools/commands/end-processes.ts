/** Ends everything that a command started, and nothing else. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessRecord } from '../../services/tool-port.ts';
import { END_MS, GRACE_MS } from './limits.ts';
import type { ProcessRow, ProcessTable } from './process-table.ts';

const LOOK_MS = 20;
const AGAIN_MS = 5;
/** In the environment of everything that a command starts; finds what has left the group. */
export const MARK = 'M_CALL';

export interface Quarry {
  readonly record: Pick<ProcessRecord, 'callId' | 'pid' | 'startTime' | 'bootId'>;
  /** The command was started by us a moment ago and is watched: its group's number can belong to nobody else. */
  readonly ours: boolean;
  /** A process of the group that ends by itself, with the others; it is not counted. */
  readonly relay?: number | undefined;
}

export interface Ending {
  /** How many processes were found. */
  readonly found: number;
  /** Numbers of those that are still there. */
  readonly left: readonly number[];
}

/**
 * Asks with SIGTERM, and after a grace ends with SIGKILL, again and again until none is left or the time is over. A number
 * that was given to another process since is not touched.
 */
export async function endProcesses(table: ProcessTable, quarry: Quarry, graceMs = GRACE_MS): Promise<Ending> {
  const found = new Set<number>();
  const look = async (): Promise<ProcessRow[]> => {
    let rows = membersOf(table, quarry);
    if (rows.length === 0) {
      // A process that is just becoming another program has no environment for a moment, and no mark.
      await pause(AGAIN_MS);
      rows = membersOf(table, quarry);
    }
    for (const { pid } of rows) found.add(pid);
    return rows;
  };
  const started = performance.now();
  let rows = await look();
  if (rows.length > 0 && graceMs > 0) {
    signal(quarry, rows, 'SIGTERM');
    // What is stopped does not hear the question.
    signal(quarry, rows, 'SIGCONT');
    while (rows.length > 0 && performance.now() - started < graceMs) {
      await pause(LOOK_MS);
      rows = await look();
    }
  }
  while (rows.length > 0 && performance.now() - started < END_MS) {
    // What is stopped starts nothing more while the others are looked for.
    signal(quarry, rows, 'SIGSTOP');
    signal(quarry, rows, 'SIGKILL');
    await pause(rows.length > 10 ? 1 : AGAIN_MS);
    rows = await look();
  }
  return { found: found.size, left: rows.map(({ pid }) => pid) };
}

/** Every process of a command that is still there: of its group, of its kernel session, or with its mark. */
export function membersOf(table: ProcessTable, { record, ours, relay }: Quarry): ProcessRow[] {
  // The numbers below have a meaning of their own when a signal is sent.
  if (!(record.pid > 1) || record.bootId !== table.bootId()) return [];
  const mark = `${MARK}=${record.callId}`;
  const all = table.all();
  const isTogether = ({ pid, group, session }: ProcessRow) => [pid, group, session].includes(record.pid);
  // What is older than the command is none of it, whatever its environment says.
  const young = all.filter((row) => !row.ended && !isTogether(row) && !table.isBefore(row.startTime, record.startTime));
  const together = all.filter(isTogether);
  const leader = together.find(({ pid }) => pid === record.pid);
  const known = ours || leader !== undefined ? [] : together;
  const marked = table.given(
    mark,
    [...young, ...known].map(({ pid }) => pid),
  );
  const sameGroup =
    leader === undefined ? ours || known.some(({ pid }) => marked.has(pid)) : leader.startTime === record.startTime;
  const members = [...(sameGroup ? together : []), ...young.filter(({ pid }) => marked.has(pid))];
  return members.filter(({ pid, ended }) => !ended && pid !== relay && pid !== process.pid);
}

function signal({ record }: Quarry, rows: readonly ProcessRow[], name: NodeJS.Signals): void {
  // The whole group at once: nothing in it can start something in between.
  if (rows.some(({ group }) => group === record.pid)) send(-record.pid, name);
  for (const { pid, group } of rows) if (group !== record.pid) send(pid, name);
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone since we looked, or not ours to end: the next look tells.
  }
}
