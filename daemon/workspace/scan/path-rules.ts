/** Whether single paths are ignored, by the rules of a disk or of a tree. */
import type { ByteText } from '../byte-text.ts';
import type { OuterRules } from './outer-rules.ts';
import { enterLevel, judge, type Level } from './rule-level.ts';

/** What one directory of a disk or of a tree has to say. */
export interface DirectoryFacts {
  /** Of its `.gitignore`. */
  readonly ruleText: string | undefined;
  readonly has: (name: ByteText) => boolean;
}

/**
 * Remembers what it has read, so it is good for a moment only.
 *
 * What is in the user's index is not ignored. Repositories within the workspace are those on the disk, whatever the rules
 * come from: no tree holds a `.git`.
 */
export class PathRules {
  readonly outer: OuterRules;
  readonly #factsOf: (directory: ByteText) => DirectoryFacts;
  /** By path; undefined for what is ignored with everything in it. */
  readonly #levels = new Map<ByteText, { level: Level; facts: DirectoryFacts } | undefined>();

  /** @param factsOf asked with paths from the workspace down, empty for itself. */
  constructor(outer: OuterRules, factsOf: (directory: ByteText) => DirectoryFacts) {
    this.outer = outer;
    this.#factsOf = factsOf;
  }

  /** True also of everything in an ignored directory, and of every `.git`. @param path from the workspace down. */
  isIgnored(path: ByteText, isDirectory: boolean): boolean {
    const names = path.split('/');
    if (names.includes('.git')) return true;
    const place = this.#placeOf(names.slice(0, -1));
    return place === undefined || judge(place.level, names, isDirectory, place.facts.has) === 'out';
  }

  #placeOf(names: readonly ByteText[]): { level: Level; facts: DirectoryFacts } | undefined {
    const path = names.join('/');
    if (this.#levels.has(path)) return this.#levels.get(path);
    const place = this.#enter(names, path);
    this.#levels.set(path, place);
    return place;
  }

  #enter(names: readonly ByteText[], path: ByteText) {
    const { above, root, repositories } = this.outer;
    const parent = names.length === 0 ? undefined : this.#placeOf(names.slice(0, -1));
    if (names.length > 0 && parent === undefined) return undefined;
    const verdict = parent === undefined ? 'in' : judge(parent.level, names, true, parent.facts.has);
    if (verdict === 'out') return undefined;
    const facts = this.#factsOf(path);
    const repository = repositories.at(path === '' ? root : `${root}/${path}`);
    const isClosed = verdict === 'only-tracked';
    const level = enterLevel(parent?.level ?? above, {
      ruleText: facts.ruleText,
      repository,
      depth: names.length,
      isClosed,
    });
    return { level, facts };
  }
}
