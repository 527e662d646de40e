/** `mctl sessions …` */
import type { Noun } from './verb.ts';

const ID = '<id>';

export const SESSIONS: Noun = {
  summary: 'list, read, change, export and delete sessions',
  verbs: {
    list: {
      summary: 'sessions, newest first; words must occur in title, workspace or id',
      takes: '[words...]',
      flags: [
        ['--workspace <dir>', 'only those of one directory'],
        ['--archived', 'only archived ones'],
        ['--all', 'archived ones too'],
        ['--limit <n>', 'at most so many (default: 50; with --json, all)'],
        ['--watch', 'go on and show every change, until Ctrl+C; with --json, a line for each'],
      ],
      json: true,
      examples: ['mctl sessions list', 'mctl sessions list auth --workspace .', 'mctl sessions list --watch'],
      load: async () => (await import('./sessions/list.ts')).list,
    },
    show: {
      summary: 'a session or save with its messages',
      takes: ID,
      flags: [['--tail <n>', 'only the newest n messages']],
      json: true,
      examples: ['mctl sessions show 01K3 --tail 5', 'mctl sessions show _autosave'],
      load: async () => (await import('./sessions/show.ts')).show,
    },
    export: {
      summary: 'write a session or save as JSON or Markdown; the file is not encrypted',
      takes: ID,
      flags: [
        ['--format <format>', 'json or md (default: by the name of the file, else json)'],
        ['-o, --output <file>', 'the file, mode 0600 (default: standard output)'],
        ['--force', 'replace a file that exists'],
      ],
      examples: ['mctl sessions export 01K3 --format md -o talk.md'],
      load: async () => (await import('./sessions/export.ts')).exportSession,
    },
    verify: {
      summary: 'check every entry against its keys and chain; without ids, all sessions',
      takes: '[id...]',
      json: true,
      load: async () => (await import('./sessions/verify.ts')).verify,
    },
    fork: {
      summary: 'a new session that shares this one up to a turn',
      takes: ID,
      flags: [['--turn <n>', 'the last turn that is kept (default: the last finished one)']],
      json: true,
      load: async () => (await import('./sessions/change.ts')).fork,
    },
    rename: {
      summary: 'give a session another title',
      takes: '<id> <title...>',
      json: true,
      load: async () => (await import('./sessions/change.ts')).rename,
    },
    pin: {
      summary: 'pin a session, so that it stands out and is never pruned',
      takes: ID,
      flags: [['--off', 'unpin it']],
      json: true,
      load: async () => (await import('./sessions/change.ts')).pin,
    },
    archive: {
      summary: 'take a session out of the lists; nothing is deleted',
      takes: ID,
      json: true,
      load: async () => (await import('./sessions/change.ts')).archive,
    },
    unarchive: {
      summary: 'bring it back into the lists',
      takes: ID,
      json: true,
      load: async () => (await import('./sessions/change.ts')).unarchive,
    },
    delete: {
      summary: 'delete a session or save for good, with the keys that could read it',
      takes: ID,
      flags: [
        ['--saves <what>', 'what becomes of the saves of the session: keep or delete'],
        ['-y, --yes', 'do not ask'],
      ],
      json: true,
      examples: ['mctl sessions delete 01K3 --saves keep --yes'],
      load: async () => (await import('./sessions/delete.ts')).remove,
    },
  },
};
