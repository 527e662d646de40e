/** `mctl approvals …` */
import type { Noun } from './verb.ts';

export const APPROVALS: Noun = {
  summary: 'tool calls that wait for an answer',
  verbs: {
    list: {
      summary: 'what is asked now, oldest first; of one session with its id',
      takes: '[id]',
      json: true,
      load: async () => (await import('./approvals/list.ts')).list,
    },
    answer: {
      summary: 'allow a call or reject it; the first answer holds, whoever gives it',
      takes: '<id> <call> <answer>',
      flags: [
        ['--scope <scope>', 'for allow: once, session or workspace (default: once)'],
        ['--reason <text>', 'for reject: what the model is told'],
      ],
      json: true,
      examples: [
        'mctl approvals answer 01K3 01K4 allow',
        'mctl approvals answer 01K3 01K4 allow --scope workspace',
        'mctl approvals answer 01K3 01K4 reject --reason "use the test database"',
      ],
      load: async () => (await import('./approvals/answer.ts')).answer,
    },
  },
};
