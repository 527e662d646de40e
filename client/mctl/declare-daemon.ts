/** `mctl daemon …` */
import { Command } from 'commander';
import { addVerb, type Runner } from './verb.ts';

export function declareDaemon(program: Command, run: Runner): void {
  const noun = new Command('daemon').description('the background process that owns the sessions');
  addVerb(
    noun,
    'status',
    {
      summary: 'what it is and how it does; never starts one',
      json: true,
      load: async () => (await import('./daemon/status.ts')).status,
    },
    run,
  );
  addVerb(
    noun,
    'start',
    {
      summary: 'start it when none runs',
      json: true,
      load: async () => (await import('./daemon/start.ts')).start,
    },
    run,
  );
  addVerb(
    noun,
    'stop',
    {
      summary: 'stop it; running turns end as interrupted, nothing that was saved is lost',
      flags: [
        ['--now', 'do not wait for the next step of running turns'],
        ['--force', 'end the process when it does not answer'],
      ],
      json: true,
      load: async () => (await import('./daemon/stop.ts')).stop,
    },
    run,
  );
  addVerb(
    noun,
    'restart',
    {
      summary: 'stop it and start a new one, which continues running turns',
      flags: [
        ['--now', 'do not wait for the next step of running turns'],
        ['--force', 'end the process when it does not answer'],
      ],
      json: true,
      load: async () => (await import('./daemon/restart.ts')).restart,
    },
    run,
  );
  addVerb(
    noun,
    'logs',
    {
      summary: 'its log, which holds no prompt, title or path; needs no daemon',
      flags: [
        ['-n, --lines <n>', 'the newest n lines (default: 50)'],
        ['-f, --follow', 'go on with what is written from now on'],
      ],
      json: true,
      load: async () => (await import('./daemon/logs.ts')).logs,
    },
    run,
  );
  program.addCommand(noun);
}
