/** The tool `bash` with real processes: what it runs, in what surroundings, and that nothing is left of it. */
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ToolRefusal } from '../../../../daemon/services/tool-port.ts';
import { TurnStop } from '../../../../daemon/services/turn-stop.ts';
import { isRunning } from '../../../support/processes.ts';
import { CommandBench, Told, kill, numberIn, until } from './support/command-bench.ts';

let bench: CommandBench;
beforeEach(() => {
  bench = new CommandBench();
});
afterEach(async () => {
  expect(await bench.close()).toBe(0);
});

describe('a command', () => {
  test('answers with what it printed, both ways in the order in which it came, and how it ended', async () => {
    const told = new Told();
    const outcome = await bench.bash('echo one; echo two >&2; echo three; exit 3', {}, { told });
    expect(outcome.output).toMatch(/^one\ntwo\nthree\n\[exit code 3 after [\d.]+ s\]$/);
    expect(outcome.isError).toBe(true);
    expect(outcome.details).toMatchObject({ exitCode: 3 });
    expect(outcome.details).not.toHaveProperty('outputBytes');
    expect(told.lives.map(({ text }) => text).join('')).toBe('one\ntwo\nthree\n');
    expect(told.kept).toEqual([]);
    expect(told.endedCalls).toEqual([told.records[0]?.callId]);
  });

  test('that prints nothing and succeeds is no error', async () => {
    const outcome = await bench.bash('true');
    expect(outcome.output).toMatch(/^\(no output\)\n\[exit code 0 after/);
    expect(outcome.isError).toBe(false);
  });

  test('that a signal ends says which', async () => {
    const outcome = await bench.bash('kill -9 $$');
    expect(outcome.output).toContain('[ended by SIGKILL after');
    expect(outcome.details).toMatchObject({ signal: 'SIGKILL' });
  });

  test('runs in the workspace, alone in its session and group, with nothing to read', async () => {
    const told = new Told();
    const outcome = await bench.bash('pwd; cat; tty; ps -o pid=,pgid=,sid= -p $$', {}, { told });
    const pid = told.records[0]?.pid;
    expect(outcome.output.replaceAll(/ +/g, ' ').replaceAll('\n ', '\n')).toContain(
      `${bench.workspace}\nnot a tty\n${pid} ${pid} ${pid}\n`,
    );
  });

  test('can open its output by name', async () => {
    const outcome = await bench.bash('echo a > /dev/stderr; echo b | tee /dev/stderr; echo c > /dev/stdout');
    expect(outcome.output).toMatch(/^a\nb\nb\nc\n\[exit code 0/);
  });

  test('has no child that it did not start', async () => {
    const outcome = await bench.bash(`perl -e '1 while wait() != -1; print "alone\\n"'; wait; echo done`);
    expect(outcome.output).toMatch(/^alone\ndone\n\[exit code 0/);
  });

  test('keeps the functions that the client exported', async () => {
    const place = bench.place('S', { 'BASH_FUNC_greet%%': '() { echo "hello $1"; }' });
    expect((await bench.bash('greet you', {}, { place })).output).toMatch(/^hello you\n/);
  });

  test('takes over a start-up file once, after it was allowed to begin', async () => {
    const place = bench.place('S', { BASH_ENV: bench.path('start.sh') });
    await bench.bash(`echo 'echo start >> ${bench.path('starts')}' > start.sh`);
    const told = new Told();
    told.onStarted = () => {
      expect(existsSync(bench.path('starts'))).toBe(false);
      return Promise.resolve();
    };
    await bench.bash('true', {}, { told, place });
    expect(readFileSync(bench.path('starts'), 'utf8')).toBe('start\n');
  });

  test('makes files as a terminal would, although the daemon’s own are private', async () => {
    const before = process.umask(0o077);
    try {
      expect((await bench.bash('umask; yes | head -n 1')).output).toMatch(/^0022\ny\n\[exit code 0/);
    } finally {
      process.umask(before);
    }
  });

  test('works without bash', async () => {
    const place = bench.place('S', { PATH: '/nowhere' });
    const outcome = await bench.bash('echo "$0"; echo e >&2', {}, { place });
    expect(outcome.output).toMatch(/^\/bin\/sh\ne\n\[exit code 0/);
  });
});

describe('the environment of a command', () => {
  test('is the client’s and what keeps programs from asking; nothing of the daemon’s', async () => {
    process.env['DAEMON_SECRET'] = 'do not tell';
    process.env['M_PASSPHRASE'] = 'nor this';
    const place = bench.place('S', {
      GREETING: 'hi there',
      M_DATA_DIR: '/x',
      M_PASSPHRASE: 'y',
      PAGER: 'less',
      TERM: 'xterm',
    });
    try {
      const outcome = await bench.bash('env -0 | tr "\\0\\n" "\\n " | sort', {}, { place });
      const lines = outcome.output.split('\n').filter((line) => /^\w+=/.test(line) && !/^(?:_|SHLVL)=/.test(line));
      expect(lines).toEqual(
        [
          'GIT_PAGER=cat',
          'GIT_TERMINAL_PROMPT=0',
          'GREETING=hi there',
          `HOME=${bench.workspace}`,
          `M_CALL=${place.callId}`,
          'PAGER=cat',
          `PATH=${process.env['PATH']}`,
          `PWD=${bench.workspace}`,
          'TERM=dumb',
        ].toSorted(),
      );
    } finally {
      delete process.env['DAEMON_SECRET'];
      delete process.env['M_PASSPHRASE'];
    }
  });
});

describe('the arguments of bash', () => {
  test('a command is one argument, whatever it looks like', async () => {
    expect((await bench.bash('--version')).output).toContain('--version: command not found');
    expect((await bench.bash('-c "echo injected"')).output).toContain('command not found');
    expect((await bench.bash('echo "$#|$*|${0##*/}"')).output).toMatch(/^0\|\|bash\n/);
    expect((await bench.bash(`echo 'a "b" $c \`d\` \\e'\necho f`)).output).toMatch(/^a "b" \$c `d` \\e\nf\n/);
  });

  test.each([
    ['no command', {}, 'command is missing'],
    ['an empty one', { command: '' }, 'command must be at least 1'],
    ['a blank one', { command: '  \n' }, 'the command is empty'],
    ['NUL', { command: 'a\0b' }, 'NUL'],
    ['one that is too long', { command: 'x'.repeat(100_001) }, 'write a file'],
    ['no time', { command: 'ls', timeoutSeconds: 0 }, 'timeoutSeconds must be at least 1'],
    ['too much time', { command: 'ls', timeoutSeconds: 3601 }, 'timeoutSeconds must be at most 3600'],
    ['what it does not know', { command: 'ls', cwd: '/' }, 'there is no cwd'],
  ])('refuses %s', async (_what, args, reason) => {
    await expect(bench.use('bash', args)).rejects.toThrow(reason);
    await expect(bench.use('bash', args)).rejects.toThrow(ToolRefusal);
  });

  test('a command that is almost too long runs', async () => {
    const outcome = await bench.bash(`: ${'x'.repeat(99_000)}; echo ran`);
    expect(outcome.output).toMatch(/^ran\n/);
  });

  test('says when the workspace is gone', async () => {
    const place = { ...bench.place(), workspace: bench.path('gone') };
    await expect(bench.bash('true', {}, { place })).rejects.toThrow('is not there any more; nothing was run');
  });

  test('shows what would be run', async () => {
    const bash = bench.commands.tools().find(({ spec }) => spec.name === 'bash');
    const call = await bash?.prepare(bench.place(), {
      command: 'npm test\nls',
      description: 'Tests it\n  ! Checked by m',
    });
    expect(call).toMatchObject({
      effect: 'command',
      title: 'run npm test ls',
      detail: 'npm test\nls\n\nThe model says: Tests it ! Checked by m',
      command: 'npm test\nls',
      paths: [],
      outside: [],
    });
  });
});

describe('before a command is recorded', () => {
  test('it exists and does nothing', async () => {
    const told = new Told();
    const { promise, resolve } = Promise.withResolvers<void>();
    told.onStarted = () => promise;
    const outcome = bench.bash('touch ran; echo ran', {}, { told });
    await until(() => told.records.length === 1, 'the record');
    const pid = told.records[0]?.pid ?? 0;
    await until(() => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/wchan`, 'utf8') !== '0', 'it waits');
    expect(isRunning(pid)).toBe(true);
    expect(existsSync(bench.path('ran'))).toBe(false);
    resolve();
    expect((await outcome).output).toMatch(/^ran\n/);
    expect(existsSync(bench.path('ran'))).toBe(true);
  });

  test('a failure to record means that it never runs', async () => {
    const told = new Told();
    told.onStarted = () => Promise.reject(new Error('the disk is full'));
    await expect(bench.bash('touch ran', {}, { told })).rejects.toThrow(
      'nothing was run, because it could not be recorded: the disk is full',
    );
    expect(existsSync(bench.path('ran'))).toBe(false);
    expect(isRunning(told.records[0]?.pid ?? 0)).toBe(false);
  });

  test('cancelling means that it never runs', async () => {
    const told = new Told();
    const controller = new AbortController();
    told.onStarted = () => {
      controller.abort();
      return Promise.resolve();
    };
    const cancelled = bench.bash('touch ran', {}, { told, signal: controller.signal });
    await expect(cancelled).rejects.toHaveProperty('name', 'AbortError');
    told.onStarted = () => new Promise(() => undefined);
    const other = new AbortController();
    const waiting = bench.bash('touch ran', {}, { told, signal: other.signal });
    await until(() => told.records.length === 2, 'the second record');
    other.abort();
    await expect(waiting).rejects.toHaveProperty('name', 'AbortError');
    expect(existsSync(bench.path('ran'))).toBe(false);
    for (const { pid } of told.records) expect(isRunning(pid)).toBe(false);
    expect(told.endedCalls).toHaveLength(2);
  });
});

describe('a command that is to end', () => {
  test('after its time ends with everything in it, and says so with the output so far', async () => {
    const outcome = await bench.bash('echo before; sleep 300 & echo $! > pid; sleep 300; echo after', {
      timeoutSeconds: 3,
    });
    expect(outcome.output).toMatch(/^before\n\[ended because its time was over, after [\d.]+ s\]$/);
    expect(outcome.isError).toBe(true);
    expect(isRunning(await numberIn(bench.path('pid')))).toBe(false);
  });

  test('when it is cancelled ends, and says so with the output so far', async () => {
    const controller = new AbortController();
    const told = new Told();
    const outcome = bench.bash('echo before; echo $$ > pid; sleep 300', {}, { told, signal: controller.signal });
    const pid = await numberIn(bench.path('pid'));
    controller.abort();
    expect((await outcome).output).toMatch(/^before\n\[cancelled and ended after/);
    expect(isRunning(pid)).toBe(false);
    expect(told.endedCalls).toHaveLength(1);
  });

  test.each(['stopped', 'paused'] as const)('says that m stops when its turn is %s', async (why) => {
    const controller = new AbortController();
    const outcome = bench.bash('echo before; echo $$ > pid; sleep 300', {}, { signal: controller.signal });
    await numberIn(bench.path('pid'));
    controller.abort(new TurnStop(why));
    expect((await outcome).output).toMatch(/^before\n\[ended because m stops, after/);
  });

  test('ends although it ignores being asked, and so does what it started', async () => {
    const outcome = await bench.bash(
      `trap '' TERM INT HUP; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done`,
      {
        timeoutSeconds: 1,
      },
    );
    expect(outcome.details).toMatchObject({ signal: 'SIGKILL' });
    expect(bench.left()).toEqual([]);
  });

  test('ends although it is stopped', async () => {
    const outcome = await bench.bash('kill -STOP $$', { timeoutSeconds: 1 });
    expect(outcome.details).toMatchObject({ signal: 'SIGTERM' });
  });

  test('may clean up when it is asked, and what it prints then is shown', async () => {
    const command = `trap 'echo cleaned; exit 7' TERM; echo ready; while :; do sleep 0.05; done`;
    const outcome = await bench.bash(command, { timeoutSeconds: 3 });
    expect(outcome.output).toMatch(/^ready\n(?:Terminated\n)?cleaned\n\[ended because its time was over/);
    expect(outcome.details).toMatchObject({ exitCode: 7 });
  });
});

describe('what a command leaves running', () => {
  test('in its group is ended, and does not keep the answer waiting', async () => {
    const outcome = await bench.bash('sleep 300 & echo $! > pid; echo done');
    expect(outcome.output).toMatch(
      /^done\n\[exit code 0 after [\d.]+ s\]\n\[1 process that it had left running was ended\]$/,
    );
    expect(outcome.isError).toBe(false);
    expect(isRunning(await numberIn(bench.path('pid')))).toBe(false);
  });

  test('outside of its group and session is found and ended', async () => {
    const outcome = await bench.bash(
      `setsid nohup bash -c 'echo $$ > pid; exec sleep 300' < /dev/null > /dev/null 2>&1 & until [ -s pid ]; do sleep 0.02; done; echo done`,
    );
    expect(outcome.output).toContain('[1 process that it had left running was ended]');
    expect(isRunning(await numberIn(bench.path('pid')))).toBe(false);
  });

  test('says its last words', async () => {
    const outcome = await bench.bash(
      `(trap 'echo bye; exit' TERM; touch ready; while :; do sleep 0.05; done) & until [ -e ready ]; do sleep 0.02; done; echo done`,
    );
    expect(outcome.output).toMatch(/^done\n(?:Terminated\n)?bye\n/);
  });

  test('without a trace is told of, and does not keep the answer waiting', async () => {
    const outcome = await bench.bash(
      `env -i setsid /bin/sh -c 'echo $$ > pid; exec sleep 300' & until [ -s pid ]; do sleep 0.02; done; echo done`,
    );
    const pid = await numberIn(bench.path('pid'));
    const survived = isRunning(pid);
    kill(pid);
    expect(survived).toBe(true);
    expect(outcome.output).toContain('[something that it started and that left no trace may still run');
    expect(outcome.output).toMatch(/^done\n/);
    expect(outcome.isError).toBe(true);
  });

  test('is ended when it is two hundred processes', async () => {
    const outcome = await bench.bash('for i in $(seq 200); do sleep 300 & done; echo done', { timeoutSeconds: 60 });
    expect(outcome.output).toContain('[200 processes that it had left running were ended]');
    expect(bench.left()).toEqual([]);
  });

  test('is ended although it goes on starting others that leave the group', async () => {
    const bomb = `setsid bash -c 'for i in $(seq 200); do setsid sleep 300 & sleep 0.02; done' > /dev/null 2>&1 &`;
    const outcome = await bench.bash(`${bomb} sleep 1; echo done`, { timeoutSeconds: 60 });
    expect(outcome.output).toMatch(/^done\n[^]*processes that it had left running were ended\]$/);
    expect(bench.left()).toEqual([]);
  });

  test('is ended although every process ignores being asked and starts two others', async () => {
    const bomb = `f() { trap '' TERM; if [ $1 -gt 0 ]; then f $(($1 - 1)) & f $(($1 - 1)) & fi; sleep 300; }; f 6 & sleep 0.5; echo done`;
    const outcome = await bench.bash(bomb, { timeoutSeconds: 60 });
    expect(outcome.output).toMatch(/^done\n/);
    expect(bench.left()).toEqual([]);
  });
});
