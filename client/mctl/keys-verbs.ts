/** `mctl keys …` */
import type { Noun } from './verb.ts';

export const KEYS: Noun = {
  summary: 'the key that encrypts everything',
  verbs: {
    status: {
      summary: 'where it is and whether the store can be read; creates none',
      json: true,
      load: async () => (await import('./keys/status.ts')).status,
    },
    unlock: {
      summary: 'open a locked store: asks for the passphrase, or tries the keychain again',
      json: true,
      examples: ['mctl keys unlock', 'M_PASSPHRASE_FILE=~/.m-passphrase mctl keys unlock'],
      load: async () => (await import('./keys/unlock.ts')).unlock,
    },
    lock: {
      summary: 'put the key away until somebody unlocks the store; refused while a turn runs or waits',
      json: true,
      load: async () => (await import('./keys/lock.ts')).lock,
    },
    move: {
      summary: 'keep the key elsewhere from now on: in the keychain, in a key file, or behind a passphrase',
      takes: '<keeper>',
      flags: [
        ['--yes', 'do not ask'],
        ['-f, --file <file>', 'a file of mode 0600 with the new passphrase'],
      ],
      json: true,
      examples: ['mctl keys move keychain', 'mctl keys move passphrase', 'mctl keys move keyfile --yes'],
      load: async () => (await import('./keys/move.ts')).move,
    },
  },
};
