/** The processes of a machine without /proc, from `ps`. */
import { spawnSync } from 'node:child_process';
import type { ProcessRow, ProcessTable } from './process-table.ts';

const DEADLINE_MS = 5_000;
const ROW = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/;

export class PsProcesses implements ProcessTable {
  bootId(): string {
    return ask('sysctl', ['-n', 'kern.bootsessionuuid']).trim();
  }

  find(pid: number): ProcessRow | undefined {
    return rows(ask('ps', ['-o', 'pid=,pgid=,stat=,lstart=', '-p', String(pid)]))[0];
  }

  all(): ProcessRow[] {
    return rows(ask('ps', ['-axo', 'pid=,pgid=,stat=,lstart=']));
  }

  given(variable: string, pids: readonly number[]): ReadonlySet<number> {
    if (pids.length === 0) return new Set();
    const lines = ask('ps', ['-Eww', '-o', 'pid=,command=', '-p', pids.join(',')]).split('\n');
    const marked = lines.filter((line) => ` ${line.trim()} `.includes(` ${variable} `));
    return new Set(marked.map((line) => Number.parseInt(line, 10)));
  }

  isBefore(startTime: string, other: string): boolean {
    return Date.parse(startTime) < Date.parse(other);
  }
}

function rows(text: string): ProcessRow[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, group, state = '', startTime = ''] = ROW.exec(line) ?? [];
    if (pid === undefined) return [];
    return [{ pid: Number(pid), group: Number(group), session: 0, startTime, ended: state.startsWith('Z') }];
  });
}

function ask(program: string, args: readonly string[]): string {
  const { stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: DEADLINE_MS,
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' },
  });
  return stdout ?? '';
}
