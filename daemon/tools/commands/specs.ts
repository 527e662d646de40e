/** What the tools are that run commands. */
import type { ToolSpec } from '../../services/tool-port.ts';
import { DEFAULT_TIMEOUT_S, MAX_OUTPUT, MAX_PER_SESSION, MAX_TIMEOUT_S, MAX_WAIT_S } from './limits.ts';

export const COMMAND_SPECS = {
  bash: {
    name: 'bash',
    effect: 'command',
    summary: 'Runs a shell command in the workspace.',
    description: [
      'Runs a command with bash in the workspace and answers with what it printed, stdout and stderr as they came, and how it ended.',
      'Every call starts in the workspace anew: nothing of a shell is kept between calls. There is no terminal and no input.',
      `It is ended after timeoutSeconds (default ${DEFAULT_TIMEOUT_S}, at most ${MAX_TIMEOUT_S}). When the shell ends, whatever it left running is ended too:`,
      'for a server or a watcher set background to true, do not write `&` or nohup; it then answers at once with an id for bash_output and bash_kill.',
      `At most ${MAX_OUTPUT} characters of output are shown, from the beginning and the end.`,
      'To look at files use the tools for files.',
    ].join(' '),
    schema: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'Shell text.' },
        timeoutSeconds: {
          type: 'integer',
          minimum: 1,
          maximum: MAX_TIMEOUT_S,
          description: `Default ${DEFAULT_TIMEOUT_S}; in the background none.`,
        },
        background: { type: 'boolean', description: `Goes on after the answer. At most ${MAX_PER_SESSION} at once.` },
        description: { type: 'string', description: 'A few words for the person who watches.' },
      },
      required: ['command'],
      additionalProperties: false,
    },
  },
  bash_output: {
    name: 'bash_output',
    effect: 'read',
    summary: 'Reads what a background command has printed.',
    description:
      'Answers with what a background command has printed since it was last read, and whether it still runs. With wait it first waits until the command has ended, at most that many seconds.',
    schema: {
      type: 'object',
      properties: {
        id: { type: 'string', description: 'As bash answered it.' },
        wait: { type: 'integer', minimum: 0, maximum: MAX_WAIT_S, description: 'Seconds; default 0.' },
      },
      required: ['id'],
      additionalProperties: false,
    },
  },
  bash_kill: {
    name: 'bash_kill',
    effect: 'read',
    summary: 'Ends a background command.',
    description: 'Ends a background command with everything that it started, and answers with what it printed last.',
    schema: {
      type: 'object',
      properties: { id: { type: 'string', description: 'As bash answered it.' } },
      required: ['id'],
      additionalProperties: false,
    },
  },
} as const satisfies Readonly<Record<string, ToolSpec>>;
