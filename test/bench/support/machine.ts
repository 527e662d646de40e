/** What the figures were measured on, and whether anything else was going on there. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** Load per processor above which ratios start to tell more about the neighbours than about us. */
const BUSY = 0.6;

export interface Machine {
  /** One line for the report. */
  readonly text: string;
}

export function describeMachine(): Machine {
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return {
    text: `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} × ${model}, ${memory} GB`,
  };
}

/** Load average of the last minute. */
export function loadNow(): number {
  return loadavg()[0] ?? 0;
}

/** A warning when the machine is busy with something else; undefined when it is quiet. */
export function busyWarning(load = loadNow()): string | undefined {
  const processors = availableParallelism();
  if (load <= BUSY * processors) return undefined;
  return `the machine is busy: load ${load.toFixed(2)} on ${processors} processors; ratios scatter and stalls are not ours alone`;
}

/** Resident memory of a process in MB; undefined where the system does not tell. */
export function residentMegabytes(pid: number): number | undefined {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

/** The most memory that a process has while it is watched, looked at ten times a second. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #most = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, 100);
  }

  /** @returns megabytes. */
  end(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#most;
  }

  #look(): void {
    this.#most = Math.max(this.#most, residentMegabytes(this.#pid) ?? 0);
  }
}

/** Processor time that a process has used in all its threads, in milliseconds; undefined where the system does not tell. */
export function processorTime(pid: number): number | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // Ticks of 10 ms: what is measured lasts seconds.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
