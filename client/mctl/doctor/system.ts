/** What the checks ask the operating system, so that a test can answer for a system that it does not run on. */
import { readFileSync, readdirSync, readlinkSync, statfsSync } from 'node:fs';

export interface System {
  readonly platform: NodeJS.Platform;
  /** @throws the error of the system. */
  statfs(path: string): FileSystem;
  /** Of a process: undefined where the system does not tell, or when it is gone. */
  process(pid: number): ProcessFacts | undefined;
}

export interface FileSystem {
  /** Magic number as in statfs(2); it means something on Linux only. */
  readonly type: number;
  readonly freeBytes: number;
  /** Undefined where there is no such limit. */
  readonly freeFiles: number | undefined;
}

export interface ProcessFacts {
  /** The program it runs, which may be gone from the disk by now. */
  readonly program: string;
  readonly isProgramGone: boolean;
  readonly openFiles: number;
  readonly mayOpen: number;
}

const GONE = ' (deleted)';

export const thisSystem: System = {
  platform: process.platform,
  statfs: (path) => {
    const { type, bavail, bsize, files, ffree } = statfsSync(path);
    return { type, freeBytes: bavail * bsize, freeFiles: files === 0 ? undefined : ffree };
  },
  process: (pid) => {
    try {
      const link = readlinkSync(`/proc/${pid}/exe`);
      const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
      const isProgramGone = link.endsWith(GONE);
      return {
        program: isProgramGone ? link.slice(0, -GONE.length) : link,
        isProgramGone,
        openFiles: readdirSync(`/proc/${pid}/fd`).length,
        mayOpen: Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY),
      };
    } catch {
      // Not Linux, another user's process, or none any more.
      return undefined;
    }
  },
};
