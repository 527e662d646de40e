/** The rules in force in a directory: those of its own ignore file over those of the directories above it. */
import { hash } from 'node:crypto';
import { isHeavy } from '../../domain/ignoring/heavy-directories.ts';
import { parseRules, verdictOf, type Rules } from '../../domain/ignoring/ignore-rules.ts';
import type { ByteText } from '../byte-text.ts';
import type { Repository } from './repositories.ts';

const NONE: Rules = [];

/** Only directories that say something have a level of their own; the others share that of the one above. */
export interface Level {
  readonly above: Level | undefined;
  /** Names from this directory down to the workspace, when it is above the workspace. */
  readonly lead: readonly ByteText[];
  /** Names from the workspace down to this directory. */
  readonly depth: number;
  readonly rules: Rules;
  /** That begins here: what is said above counts no more. */
  readonly repository: Repository | undefined;
  /** Of the person, for every repository. */
  readonly personal: Rules;
  /** Left out by a rule, and looked into only for what is in the user's index. */
  readonly isClosed: boolean;
  /** Somebody has said what to leave out, be it nothing. */
  readonly isRuled: boolean;
  /** Another one when anything that decides here is another; not of the index. */
  readonly key: string;
}

/** `tracked`: a rule leaves it out, and the user's index keeps it in. */
export type Verdict = 'in' | 'tracked' | 'only-tracked' | 'out';

export function topLevel(personalText: string | undefined): Level {
  return {
    above: undefined,
    lead: [],
    depth: 0,
    rules: NONE,
    repository: undefined,
    personal: personalText === undefined ? NONE : parseRules(personalText, false),
    isClosed: false,
    isRuled: false,
    key: hash('sha1', Buffer.from(`personal\0${personalText ?? ''}`, 'latin1'), 'hex'),
  };
}

export interface LevelFacts {
  /** Of the directory's `.gitignore`. */
  readonly ruleText: string | undefined;
  readonly repository: Repository | undefined;
  /** Names from the workspace down to it; below zero there is `lead`. */
  readonly depth: number;
  readonly lead?: readonly ByteText[];
  readonly isClosed?: boolean;
}

/** @returns `above` itself for a directory that says nothing. */
export function enterLevel(above: Level, facts: LevelFacts): Level {
  const { ruleText, repository, depth, lead = [], isClosed = false } = facts;
  if (ruleText === undefined && repository === undefined && isClosed === above.isClosed) return above;
  const said = [
    above.key,
    lead.join('/'),
    isClosed ? 'closed' : 'open',
    ruleText === undefined ? 'silent' : `rules\0${ruleText}`,
    repository === undefined ? 'within' : `begins\0${repository.excludeText}`,
  ];
  return {
    above,
    lead,
    depth,
    rules: ruleText === undefined ? NONE : parseRules(ruleText, false),
    repository,
    personal: above.personal,
    isClosed,
    isRuled: true,
    key: hash('sha1', Buffer.from(said.join('\0\0'), 'latin1'), 'hex'),
  };
}

/** What a listing depends on besides the names in the directory. @param hides whether a rule speaks against something there. */
export function rulesKey(level: Level, hides: boolean): string {
  return hides ? `${level.key}:${repositoryOf(level)?.repository?.tracked.digest ?? ''}` : level.key;
}

/**
 * @param path names from the workspace down to the entry, which is in the level's directory.
 * @param hasSibling whether that directory holds something of that name.
 */
export function judge(
  level: Level,
  path: readonly ByteText[],
  isDirectory: boolean,
  hasSibling: (name: ByteText) => boolean,
): Verdict {
  if (!isLeftOut(level, path, isDirectory, hasSibling)) return 'in';
  const holder = repositoryOf(level);
  const tracked = holder?.repository?.tracked;
  if (holder === undefined || tracked === undefined || tracked.digest === '') return 'out';
  const inRepository = relativeTo(holder, path).join('/');
  // A directory that is tracked itself is a submodule.
  if (tracked.has(inRepository)) return 'tracked';
  return isDirectory && tracked.holdsBelow(inRepository) ? 'only-tracked' : 'out';
}

function isLeftOut(
  level: Level,
  path: readonly ByteText[],
  isDirectory: boolean,
  hasSibling: (name: ByteText) => boolean,
): boolean {
  if (level.isClosed) return true;
  if (!level.isRuled && isDirectory && isHeavy(path.at(-1) ?? '', hasSibling)) return true;
  let top = level;
  for (let at: Level | undefined = level; at !== undefined; at = at.above) {
    if (at.rules.length > 0) {
      const verdict = verdictOf(at.rules, relativeTo(at, path), isDirectory);
      if (verdict !== undefined) return verdict === 'ignored';
    }
    top = at;
    if (at.repository !== undefined) break;
  }
  const fromTop = relativeTo(top, path);
  const excluded = top.repository && verdictOf(top.repository.exclude, fromTop, isDirectory);
  return (excluded ?? verdictOf(level.personal, fromTop, isDirectory)) === 'ignored';
}

function repositoryOf(level: Level): Level | undefined {
  let at: Level | undefined = level;
  while (at !== undefined && at.repository === undefined) at = at.above;
  return at;
}

function relativeTo(level: Level, path: readonly ByteText[]): readonly ByteText[] {
  if (level.lead.length > 0) return [...level.lead, ...path];
  return level.depth === 0 ? path : path.slice(level.depth);
}
