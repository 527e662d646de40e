/** `mctl config …`, `mctl keys …` and `mctl doctor` */
import { Command } from 'commander';
import { addVerb, type Runner } from './verb.ts';

export function declareConfig(program: Command, run: Runner): void {
  const noun = new Command('config').description('the configuration file and the keys of providers');
  addVerb(
    noun,
    'get',
    {
      summary: 'the settings in effect, or one of them',
      takes: '[key]',
      json: true,
      load: async () => (await import('./config/get.ts')).get,
    },
    run,
  );
  addVerb(
    noun,
    'set',
    {
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
    run,
  );
  addVerb(
    noun,
    'set-key',
    {
      summary: 'store the API key of a provider, encrypted; read from standard input, never from the command line',
      takes: '<provider>',
      flags: [['--remove', 'forget the stored key']],
      json: true,
      examples: ['mctl config set-key local', 'pass show local | mctl config set-key local'],
      load: async () => (await import('./config/set-key.ts')).setKey,
    },
    run,
  );
  addVerb(
    noun,
    'path',
    {
      summary: 'where the file is; needs no daemon',
      json: true,
      load: async () => (await import('./config/path.ts')).path,
    },
    run,
  );
  program.addCommand(noun);
}

export function declareKeys(program: Command, run: Runner): void {
  const noun = new Command('keys').description('the key that encrypts everything');
  addVerb(
    noun,
    'status',
    {
      summary: 'where it is and whether the store can be read',
      json: true,
      load: async () => (await import('./keys/status.ts')).status,
    },
    run,
  );
  program.addCommand(noun);
}

export function declareDoctor(program: Command, run: Runner): void {
  addVerb(
    program,
    'doctor',
    {
      summary: 'look for what is broken, and say how to mend it; works with the daemon down',
      json: true,
      load: async () => (await import('./doctor/doctor.ts')).doctor,
    },
    run,
  );
}
