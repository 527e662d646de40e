/** Both ways to ask the system for its processes say the same. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LinuxProcesses } from '../../../../daemon/tools/commands/linux-processes.ts';
import { PsProcesses } from '../../../../daemon/tools/commands/ps-processes.ts';
import { kill, until } from './support/command-bench.ts';

test.skipIf(!existsSync('/proc/self/stat') || !existsSync('/bin/ps'))(
  'a process is told alike from /proc and from ps, also when its name is odd',
  async () => {
    const script = 'process.title = ") S 1 (("; console.log(process.pid); setInterval(() => undefined, 1000);';
    const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const pid = child.pid ?? 0;
    try {
      let said = '';
      child.stdout.on('data', (text: Buffer) => (said += text.toString()));
      await until(() => said !== '', 'the process');
      const linux = new LinuxProcesses();
      const ps = new PsProcesses();
      expect(linux.find(pid)).toMatchObject({ pid, group: pid, session: pid, ended: false });
      expect(ps.find(pid)).toMatchObject({ pid, group: pid, ended: false });
      expect(linux.all().find((row) => row.pid === pid)).toEqual(linux.find(pid));
      expect(ps.all().find((row) => row.pid === pid)).toEqual(ps.find(pid));
      expect(ps.isBefore(ps.find(1)?.startTime ?? '', ps.find(pid)?.startTime ?? '')).toBe(true);
      expect(linux.isBefore(linux.find(1)?.startTime ?? '', linux.find(pid)?.startTime ?? '')).toBe(true);
    } finally {
      kill(pid);
    }
  },
);
