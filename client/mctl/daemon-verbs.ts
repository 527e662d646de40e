/** `mctl daemon …` */
import type { Noun } from './verb.ts';

const STOPPING = [
  ['--now', 'do not wait for the next step of running turns'],
  ['--force', 'end the process when it does not answer'],
] as const;

export const DAEMON: Noun = {
  summary: 'the background process that owns the sessions',
  verbs: {
    status: {
      summary: 'what it is and how it does; never starts one',
      json: true,
      load: async () => (await import('./daemon/status.ts')).status,
    },
    start: {
      summary: 'start it when none runs',
      json: true,
      load: async () => (await import('./daemon/start.ts')).start,
    },
    stop: {
      summary: 'stop it; running turns end as interrupted, nothing that was saved is lost',
      flags: STOPPING,
      json: true,
      load: async () => (await import('./daemon/stop.ts')).stop,
    },
    restart: {
      summary: 'stop it and start a new one, which continues running turns',
      flags: STOPPING,
      json: true,
      load: async () => (await import('./daemon/restart.ts')).restart,
    },
    logs: {
      summary: 'its log, which holds no prompt, title or path; needs no daemon',
      flags: [
        ['-n, --lines <n>', 'the newest n lines (default: 50)'],
        ['-f, --follow', 'go on with what is written from now on'],
      ],
      json: true,
      load: async () => (await import('./daemon/logs.ts')).logs,
    },
  },
};
