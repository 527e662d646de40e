/** What a system tells of the processes of its machine. */

export interface ProcessRow {
  readonly pid: number;
  readonly group: number;
  /** Session of the kernel's, not ours. 0 where the system does not tell. */
  readonly session: number;
  /** When it was started, as the system counts; tells a reused number apart within one boot. */
  readonly startTime: string;
  /** It runs no more; only its parent has not asked yet. */
  readonly ended: boolean;
}

export interface ProcessTable {
  /** Tells one start of the machine from another. */
  bootId(): string;
  find(pid: number): ProcessRow | undefined;
  all(): ProcessRow[];
  /** Those of these processes that were started with this variable, `NAME=value`, as far as anybody may know. */
  given(variable: string, pids: readonly number[]): ReadonlySet<number>;
  /** Whether the first was started before the second, for certain. */
  isBefore(startTime: string, other: string): boolean;
}
