/** `mctl rules …` */
import type { Noun } from './verb.ts';

export const RULES: Noun = {
  summary: 'answers that hold for longer than one tool call',
  verbs: {
    list: {
      summary: 'what is allowed without being asked again',
      flags: [['--workspace <dir>', 'only what holds in one directory']],
      json: true,
      load: async () => (await import('./rules/rules.ts')).list,
    },
    revoke: {
      summary: 'take such an answer back; from now on it is asked again',
      takes: '<number>',
      json: true,
      load: async () => (await import('./rules/rules.ts')).revoke,
    },
  },
};
