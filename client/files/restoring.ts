/** Brings files back: plans, shows the plan, asks, and does it. */
import type { InkLine } from '../calls/ink-line.ts';
import { EXIT } from '../command-line/failure.ts';
import { count } from '../command-line/wording.ts';
import type { Client } from '../connection/api.ts';
import type { ParamsOf } from '../../protocol/methods.ts';
import type { KeptFile, RestorePlan, RestoreResult } from '../../protocol/snapshot.ts';
import { pagesOf, type Choice, type Dialogue } from './dialogue.ts';
import { pathText } from './path-text.ts';
import { planLines, planSentence } from './plan-lines.ts';
import { resultLines } from './result-lines.ts';

export interface RestoreWish {
  readonly params: ParamsOf<'restore/plan'>;
  /** What is brought back, such as `the files from before turn 3`. */
  readonly what: string;
  /** What is said when they are, such as how to take it back. */
  readonly done: string;
  /** Only plan. */
  readonly isDry: boolean;
}

export interface RestorePlace {
  readonly client: Client;
  /** Undefined where nobody is asked: conflicts are kept then. */
  readonly dialogue: Dialogue | undefined;
  readonly lines: (lines: readonly InkLine[]) => void;
}

/** `planned`: nothing was to be done. `declined`: the person said no. */
export interface Restored {
  readonly state: 'planned' | 'nothing' | 'declined' | 'done';
  readonly plan: RestorePlan;
  readonly result: RestoreResult | null;
  /** 1 when a file could not be restored, 5 when conflicts were kept that nobody was asked about. */
  readonly exitCode: number;
}

const YES: Choice = { key: 'y', words: '[y]es' };
const NO: Choice = { key: 'n', words: '[N]o' };
const KEEP: Choice = { key: 'k', words: '[K]eep them' };
const OVERWRITE: Choice = { key: 'o', words: '[o]verwrite them' };
const EACH: Choice = { key: 'e', words: '[e]ach by itself' };
/** Conflicts that may be asked about one by one. */
const FEW = 20;
/** Characters of a path in a question. */
const LONGEST = 60;

/** @throws ProtocolError as `restore/plan` and `restore/apply` do. */
export async function restoreFiles(place: RestorePlace, wish: RestoreWish): Promise<Restored> {
  const { client, dialogue, lines } = place;
  let plan = await client.call('restore/plan', wish.params);
  const shown = planLines(plan, wish.what);
  if (dialogue === undefined) lines(shown);
  else await dialogue.show(pagesOf(shown));
  if (wish.isDry) return outcome('planned', plan, null, dialogue);
  if (dialogue !== undefined) plan = await settleConflicts(place, wish, plan);
  const all = plan.files.length + plan.filesMore;
  if (all === 0) return outcome('nothing', plan, null, dialogue);
  if (dialogue !== undefined && (await dialogue.choose(`restore ${count(all, 'file')}?`, [YES, NO], 'n')) !== 'y') {
    lines([{ text: 'nothing was changed', ink: 'dim' }]);
    return outcome('declined', plan, null, dialogue);
  }
  const { sessionId } = wish.params;
  const result = await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId: plan.planId });
  lines(resultLines(result, wish.done));
  return outcome('done', plan, result, dialogue);
}

function outcome(
  state: Restored['state'],
  plan: RestorePlan,
  result: RestoreResult | null,
  dialogue: Dialogue | undefined,
): Restored {
  const conflicts = result?.conflicts ?? plan.counts.conflicts;
  const isKept = dialogue === undefined && conflicts > 0 && state !== 'planned';
  const isLeft = result !== null && result.left > 0;
  return { state, plan, result, exitCode: isLeft ? EXIT.failed : isKept ? EXIT.conflict : EXIT.ok };
}

/** Asks what becomes of files that the session changed, and somebody else too. @returns the plan that holds then. */
async function settleConflicts(place: RestorePlace, wish: RestoreWish, plan: RestorePlan): Promise<RestorePlan> {
  const { client, dialogue, lines } = place;
  const conflicts = plan.kept.filter(({ reason }) => reason === 'conflict');
  if (dialogue === undefined || conflicts.length === 0) return plan;
  const overwrite = await chosen(dialogue, conflicts);
  if (overwrite.length === 0) return plan;
  const known = wish.params.overwrite ?? [];
  const next = await client.call('restore/plan', { ...wish.params, overwrite: [...known, ...overwrite] });
  lines([{ text: `with ${count(overwrite.length, 'file')} overwritten: ${planSentence(next)}` }]);
  return next;
}

/** The end of it, which tells files apart, so that there is room for the answers. */
function shortPath(path: string): string {
  const characters = Array.from(pathText(path));
  return characters.length <= LONGEST ? characters.join('') : `…${characters.slice(1 - LONGEST).join('')}`;
}

function changedBy(conflicts: readonly KeptFile[]): string {
  const own = conflicts.filter(({ by }) => by === 'session').length;
  if (own === conflicts.length) return 'changed again by later turns';
  if (own > 0) return 'changed since, by later turns and others';
  return 'changed by the session and others';
}

async function chosen(dialogue: Dialogue, files: readonly KeptFile[]): Promise<readonly string[]> {
  const conflicts = files.map(({ path }) => path);
  const isFew = conflicts.length > 1 && conflicts.length <= FEW;
  const question = `${count(conflicts.length, 'file')} ${changedBy(files)}:`;
  const answer = await dialogue.choose(question, [KEEP, OVERWRITE, ...(isFew ? [EACH] : [])], 'k');
  if (answer === 'k') return [];
  if (answer === 'o') return conflicts;
  const overwrite: string[] = [];
  for (const path of conflicts) {
    const each = await dialogue.choose(`overwrite ${shortPath(path)}?`, [YES, NO], 'n');
    if (each === 'y') overwrite.push(path);
  }
  return overwrite;
}
