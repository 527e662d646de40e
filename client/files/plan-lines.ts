/** What bringing files back would do, in lines. */
import type { InkLine } from '../calls/ink-line.ts';
import { harmlessRow } from '../calls/text-lines.ts';
import type { Ink } from '../command-line/style.ts';
import { count } from '../command-line/wording.ts';
import type { KeptFile, KeptReason, PlannedFile, RestorePlan } from '../../protocol/snapshot.ts';
import { keptText, lineCounts } from './change-words.ts';
import { pathText } from './path-text.ts';

const INDENT = '  ';
const ACTIONS: Readonly<Record<PlannedFile['action'], { readonly word: string; readonly ink: Ink }>> = {
  create: { word: 'comes back', ink: 'green' },
  change: { word: 'changes', ink: 'yellow' },
  delete: { word: 'goes', ink: 'red' },
  mode: { word: 'gets its mode', ink: 'cyan' },
  replace: { word: 'is replaced', ink: 'cyan' },
};
const KEPT: Readonly<Record<KeptReason, string>> = {
  conflict: 'changed by the session, and by you or others',
  yours: 'not changed by this session',
  ambiguous: 'not known who changed it',
  ignored: 'ignored',
  skipped: 'not captured',
};
const CHANGED_AGAIN = 'changed again by a later turn of this session';
const WIDEST = Math.max(...Object.values(ACTIONS).map(({ word }) => word.length));

/** @param heading what is brought back, such as `the files from before turn 3`. */
export function planLines(plan: RestorePlan, heading: string): InkLine[] {
  return [
    { text: `${heading}: ${planSentence(plan)}` },
    ...plan.warnings.map((warning): InkLine => ({ text: `! ${harmlessRow(warning)}`, ink: 'yellow' })),
    ...plan.files.map(fileLine),
    ...moreLine(plan.filesMore, 'more file'),
    ...keptLines(plan),
  ];
}

/** How many files change, and how. */
export function planSentence({ counts, files, filesMore }: RestorePlan): string {
  const all = files.length + filesMore;
  const parts = [
    ...(counts.change === 0 ? [] : [`${counts.change} changed`]),
    ...(counts.create === 0 ? [] : [`${counts.create} brought back`]),
    ...(counts.delete === 0 ? [] : [`${counts.delete} deleted`]),
  ];
  const changed = all === 0 ? 'nothing to do' : [count(all, 'file'), parts.join(', ')].filter(Boolean).join(': ');
  const stays = keptText(counts);
  return stays === '' ? changed : `${changed}; ${stays}`;
}

function fileLine({ path, action, byShell, ...lines }: PlannedFile): InkLine {
  const { word, ink } = ACTIONS[action];
  const facts = [lineCounts(lines), byShell ? 'by shell' : ''].filter((fact) => fact !== '').join(', ');
  return { text: `${INDENT}${word.padEnd(WIDEST)}  ${pathText(path)}${facts === '' ? '' : ` (${facts})`}`, ink };
}

/** Conflicts first: they are what is asked about. */
function keptLines({ kept, keptMore }: RestorePlan): InkLine[] {
  if (kept.length + keptMore === 0) return [];
  const isConflict = ({ reason }: KeptFile): boolean => reason === 'conflict';
  const ordered = [...kept.filter(isConflict), ...kept.filter((file) => !isConflict(file))];
  return [
    { text: 'kept as they are:', ink: 'dim' },
    ...ordered.map((file): InkLine => ({
      text: `${INDENT}${pathText(file.path)}: ${file.by === 'session' ? CHANGED_AGAIN : KEPT[file.reason]}`,
      ink: isConflict(file) ? 'yellow' : 'dim',
    })),
    ...moreLine(keptMore, 'more'),
  ];
}

function moreLine(more: number, noun: string): InkLine[] {
  if (more === 0) return [];
  return [{ text: `${INDENT}… ${noun === 'more' ? `${more} more` : count(more, noun)}`, ink: 'dim' }];
}
