/** Checks what belongs to no session: saves that outlived theirs, provider keys, typed lines, directories, approvals, lost rows. */
import type { Db } from './database.ts';
import { DELETED } from './eraser.ts';
import { MAX_PROBLEMS, type LogVerifier } from './log-verifier.ts';
import type { OperationStore } from './operations.ts';
import { KeptLengths, type OutputHolder, type OutputVerifier } from './output-verifier.ts';
import type { RuleStore } from './rules.ts';
import type { SaveState, SaveStore } from './saves.ts';
import type { SlicedJob } from './slices.ts';
import type { SecretStore } from './secrets.ts';
import type { TypedLines } from './typed-lines.ts';
import type { WorkspaceKeyStore } from './workspace-keys.ts';
import type { WorkspaceStore } from './workspaces.ts';

export interface RestParts {
  readonly logs: LogVerifier;
  readonly outputVerifier: OutputVerifier;
  readonly saves: SaveStore;
  readonly rules: RuleStore;
  readonly secrets: SecretStore;
  readonly typedLines: TypedLines;
  readonly operations: OperationStore;
  readonly workspaces: WorkspaceStore;
  readonly workspaceKeys: WorkspaceKeyStore;
}

/** Rows that only a change from outside leaves: what they are, and how they are counted. */
const LOST_ROWS: readonly (readonly [what: string, query: string])[] = [
  [
    'entries of a log that no session and no save is made of',
    `SELECT count(*) FROM entry WHERE segment NOT IN (SELECT segment FROM segment_use)
       AND segment NOT IN (SELECT id FROM segment WHERE length(key) = 0 OR owner = '')`,
  ],
  [
    'entries of a log whose session is gone, behind what others share of it',
    `SELECT count(*) FROM entry JOIN (
         SELECT segment, max(up_to) AS shared FROM segment_use GROUP BY segment HAVING count(up_to) = count(*)
       ) AS use ON use.segment = entry.segment AND entry.seq > use.shared
       WHERE entry.segment IN (SELECT id FROM segment WHERE owner <> '${DELETED}' AND owner NOT IN (SELECT id FROM session))`,
  ],
  [
    'parts of logs whose session or save is gone',
    `SELECT count(*) FROM segment_use WHERE NOT (kind IS 's' AND holder IN (SELECT number FROM session))
       AND NOT (kind IS 'v' AND holder IN (SELECT number FROM save))`,
  ],
  [
    'prompts that wait in a session that is gone',
    'SELECT count(*) FROM queued WHERE session NOT IN (SELECT number FROM session)',
  ],
  ['drafts of a session that is gone', 'SELECT count(*) FROM draft WHERE session NOT IN (SELECT number FROM session)'],
  [
    'stretches of output of a log that no session and no save is made of',
    `SELECT count(*) FROM output WHERE segment NOT IN (SELECT segment FROM segment_use)
       AND segment NOT IN (SELECT id FROM segment WHERE length(key) = 0 OR owner = '')`,
  ],
  [
    'environments of a session that is gone',
    'SELECT count(*) FROM environment WHERE session NOT IN (SELECT number FROM session)',
  ],
  [
    'records of processes of a session that is gone',
    'SELECT count(*) FROM process WHERE session NOT IN (SELECT id FROM session)',
  ],
  [
    'approvals of a session that is gone',
    'SELECT count(*) FROM rule WHERE session IS NOT NULL AND session NOT IN (SELECT number FROM session)',
  ],
];

export class RestVerifier {
  readonly #db: Db;
  readonly #parts: RestParts;

  constructor(db: Db, parts: RestParts) {
    this.#db = db;
    this.#parts = parts;
  }

  /** What is wrong with it, in sentences, and how many entries of saves were looked at. */
  *verify(): SlicedJob<{ entries: number; problems: string[] }> {
    const problems: string[] = [];
    const entries = yield* this.#saves(problems);
    yield;
    const values = [...this.#values(), ['the remembered approvals', yield* this.#parts.rules.damaged()] as const];
    for (const [what, damaged] of values) if (damaged > 0) problems.push(`${damaged} of ${what} do not verify`);
    yield;
    for (const [what, query] of LOST_ROWS) {
      const lost = this.#db.prepare<[], number>(query).pluck().get() ?? 0;
      if (lost > 0) problems.push(`there are ${what} (${lost})`);
      yield;
    }
    return { entries, problems: problems.slice(0, MAX_PROBLEMS) };
  }

  /** Those of sessions that are there are checked with them. */
  *#saves(problems: string[]): SlicedJob<number> {
    const { saves } = this.#parts;
    let entries = 0;
    for (const save of saves.withoutSession()) {
      problems.push(...saves.problemsOf(save));
      const found: string[] = [];
      entries += yield* this.#save(save, found);
      problems.push(...found.map((problem) => `the save ${save.id}: ${problem}`));
    }
    return entries;
  }

  *#save(save: SaveState, problems: string[]): SlicedJob<number> {
    const { logs, outputVerifier, saves } = this.#parts;
    const kept = new KeptLengths();
    const entries = yield* logs.verify(save.uses, null, { problems, read: kept.add });
    // A shared part may have been moved to another key meanwhile, and a save may have been deleted.
    const holder = (): OutputHolder => {
      const { uses, seq } = saves.byNumber(save.number) ?? { uses: [], seq: 0 };
      return { uses, lastSeq: seq };
    };
    // Nobody knows what a save that does not verify is made of.
    if (save.uses.length === 0) return entries;
    const found = yield* outputVerifier.problems(holder, kept);
    if (saves.byNumber(save.number) !== undefined) problems.push(...found);
    return entries;
  }

  #values(): (readonly [what: string, damaged: number])[] {
    const { secrets, typedLines, operations, workspaces, workspaceKeys } = this.#parts;
    return [
      ['the stored provider keys', secrets.damaged()],
      ['the lines that were typed', typedLines.damaged()],
      ['the remembered operations', operations.damaged()],
      ['the directories of sessions', workspaces.damaged()],
      ['the keys of snapshots', workspaceKeys.damaged()],
    ];
  }
}
