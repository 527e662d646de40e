/** `mctl config …` */
import type { Noun } from './verb.ts';

export const CONFIG: Noun = {
  summary: 'the configuration file and the keys of providers',
  verbs: {
    get: {
      summary: 'the settings in effect, or one of them',
      takes: '[key]',
      json: true,
      load: async () => (await import('./config/get.ts')).get,
    },
    set: {
      summary: 'change one setting in the file; other lines and comments stay',
      takes: '<key> [value]',
      flags: [['--unset', 'remove the setting']],
      json: true,
      examples: [
        'mctl config set model local/any-model',
        'mctl config set providers.local.base_url http://127.0.0.1:8080/v1',
      ],
      load: async () => (await import('./config/set.ts')).set,
    },
    'set-key': {
      summary: 'store the API key of a provider, encrypted; read from standard input, never from the command line',
      takes: '<provider>',
      flags: [['--remove', 'forget the stored key']],
      json: true,
      examples: ['mctl config set-key local', 'pass show local | mctl config set-key local'],
      load: async () => (await import('./config/set-key.ts')).setKey,
    },
    path: {
      summary: 'where the file is; needs no daemon',
      json: true,
      load: async () => (await import('./config/path.ts')).path,
    },
  },
};
