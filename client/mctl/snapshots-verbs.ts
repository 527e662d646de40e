/** `mctl snapshots …` */
import type { Noun } from './verb.ts';

const CWD = ['--cwd <dir>', 'the workspace (default: the working directory)'] as const;
const DRY = ['--dry-run', 'only say what would be done'] as const;
const YES = ['-y, --yes', 'do not ask; what you changed after the session stays as it is'] as const;

export const SNAPSHOTS: Noun = {
  summary: 'files as they were: list, compare, bring back, export',
  verbs: {
    list: {
      summary: 'snapshots of a session, or of the workspace, newest first',
      takes: '[id]',
      flags: [CWD, ['--limit <n>', 'at most so many (default: 50; with --json, all)']],
      json: true,
      load: async () => (await import('./snapshots/list.ts')).list,
    },
    show: {
      summary: 'one snapshot: what is in it, what was left out and why',
      takes: '<id> [turn]',
      flags: [['--phase <phase>', 'before the turn (pre) or after it (post, the default)'], CWD],
      json: true,
      examples: ['mctl snapshots show 01K3 4', 'mctl snapshots show 01K3 4 --phase pre'],
      load: async () => (await import('./snapshots/show.ts')).show,
    },
    diff: {
      summary: 'what the newest turn changed, or a turn, or all from one turn to another or to now',
      takes: '<id> [words...]',
      flags: [CWD],
      json: true,
      examples: [
        'mctl snapshots diff 01K3',
        'mctl snapshots diff 01K3 4 src',
        'mctl snapshots diff 01K3 2 4',
        'mctl snapshots diff 01K3 2 now',
      ],
      load: async () => (await import('./snapshots/diff.ts')).diff,
    },
    restore: {
      summary: 'bring files back as they were before a turn, or after it, or when a snapshot was taken by hand',
      takes: '<id> <turn-or-snapshot> [paths...]',
      flags: [
        ['--phase <phase>', 'before the turn (pre, the default) or after it (post)'],
        DRY,
        ['--all', 'also what somebody else has changed, conflicts included'],
        YES,
      ],
      json: true,
      examples: [
        'mctl snapshots restore 01K3 4 --dry-run',
        'mctl snapshots restore 01K3 4 --yes src/a.ts',
        'mctl snapshots restore 01K3 01K5QX3V9P2M6T8A4B7C1D0E2F',
      ],
      load: async () => (await import('./snapshots/restore.ts')).restore,
    },
    undo: {
      summary: 'take the last restore of a session back; once more, and it is done again',
      takes: '<id>',
      flags: [DRY, YES],
      json: true,
      load: async () => (await import('./snapshots/restore.ts')).undo,
    },
    status: {
      summary: 'whether the files of the workspace are captured, and what that costs',
      flags: [CWD, ['--all', 'every workspace of which something is stored']],
      json: true,
      load: async () => (await import('./snapshots/status.ts')).status,
    },
    take: {
      summary: 'take a snapshot of the workspace now',
      flags: [CWD],
      json: true,
      load: async () => (await import('./snapshots/take.ts')).take,
    },
    prune: {
      summary: 'remove snapshots that are too old or for which there is no room',
      flags: [['--cwd <dir>', 'only those of this workspace, and only by age'], DRY],
      json: true,
      examples: ['mctl snapshots prune --dry-run'],
      load: async () => (await import('./snapshots/prune.ts')).prune,
    },
    verify: {
      summary: 'read all that is stored of the workspace, with two readers, and say what is damaged',
      takes: '[id]',
      flags: [CWD],
      json: true,
      load: async () => (await import('./snapshots/verify.ts')).verify,
    },
    skip: {
      summary: 'have a turn go on that waits until the files are captured; it cannot be taken back then',
      takes: '<id>',
      json: true,
      load: async () => (await import('./snapshots/skip.ts')).skip,
    },
    relink: {
      summary: 'a directory was moved: let its sessions and snapshots go on at the new path',
      takes: '<old> <new>',
      json: true,
      examples: ['mctl snapshots relink ~/old ~/new'],
      load: async () => (await import('./snapshots/relink.ts')).relink,
    },
    export: {
      summary: 'write the snapshots of the workspace as a plain bare git repository; it is not encrypted',
      takes: '<dir>',
      flags: [CWD],
      json: true,
      examples: ['mctl snapshots export /tmp/snapshots.git'],
      load: async () => (await import('./snapshots/export.ts')).exportAll,
    },
  },
};
