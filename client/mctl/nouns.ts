/** Everything that `mctl` can be asked for. */
import { APPROVALS } from './approvals-verbs.ts';
import { CONFIG } from './config-verbs.ts';
import { DAEMON } from './daemon-verbs.ts';
import { KEYS } from './keys-verbs.ts';
import { RULES } from './rules-verbs.ts';
import { SESSIONS } from './sessions-verbs.ts';
import { SNAPSHOTS } from './snapshots-verbs.ts';
import { TURNS } from './turns-verbs.ts';
import type { Noun, VerbDeclaration } from './verb.ts';

/** In the order of help. */
export const NOUNS: Readonly<Record<string, Noun>> = {
  sessions: SESSIONS,
  turns: TURNS,
  snapshots: SNAPSHOTS,
  approvals: APPROVALS,
  rules: RULES,
  daemon: DAEMON,
  config: CONFIG,
  keys: KEYS,
};

/** Verbs that need no noun. */
export const LONE_VERBS: Readonly<Record<string, VerbDeclaration>> = {
  doctor: {
    summary: 'look for what is broken, and say how to mend it; works with the daemon down',
    json: true,
    load: async () => (await import('./doctor/doctor.ts')).doctor,
  },
};
