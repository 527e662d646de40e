/** `mctl turns …` */
import type { Noun } from './verb.ts';

export const TURNS: Noun = {
  summary: 'the turns of a session, and what their tool calls said',
  verbs: {
    list: {
      summary: 'prompts, tool calls and changed files, turn by turn',
      takes: '<id>',
      flags: [['--tail <n>', 'only the newest n turns']],
      json: true,
      load: async () => (await import('./turns/list.ts')).list,
    },
    output: {
      summary: 'the whole output of a tool call, of which the model may have been given a part',
      takes: '<id> <call>',
      json: true,
      examples: ['mctl turns output 01K3 01K4 | less'],
      load: async () => (await import('./turns/output.ts')).output,
    },
  },
};
