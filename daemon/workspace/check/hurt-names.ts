/** Which snapshots need what cannot be read, and for which files. */
import type { ByteText } from '../byte-text.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSource } from '../objects/object.ts';
import { readCommit, readTree } from '../objects/object-walk.ts';
import type { Ref } from '../objects/ref-store.ts';
import { DIRECTORY, type TreeEntry } from '../objects/tree-format.ts';
import type { Pace } from '../prune/sliced.ts';
import type { Suspects } from './suspects.ts';

/** A name that stands for something of which not all can be read. */
export interface HurtName extends Ref {
  /** Why the record itself cannot be; undefined when only files are hurt. */
  readonly reason: string | undefined;
  /** The first of the files; a directory of which nothing is known ends with a slash. */
  readonly paths: readonly ByteText[];
  /** How many there are in all. */
  readonly count: number;
}

const SHOWN = 5;

interface Names {
  list(): readonly Ref[];
  get(name: string): ObjectId | undefined;
}

/** A directory whose entries are gone through. */
interface Frame {
  readonly tree: ObjectId;
  readonly entries: Iterator<TreeEntry>;
  hurt: number;
}

export class HurtNames {
  readonly #source: ObjectSource;
  readonly #suspects: Suspects;
  /** By tree: how many of the files below it are hurt. */
  readonly #counts = new Map<ObjectId, number>();

  constructor(source: ObjectSource, suspects: Suspects) {
    this.#source = source;
    this.#suspects = suspects;
  }

  /** Of those that are still there when it has looked at them. Nothing is read when nothing is suspected. */
  *find(names: Names, pace: Pace): Generator<void, readonly HurtName[]> {
    const found: HurtName[] = [];
    if (this.#suspects.size === 0) return found;
    for (const ref of names.list()) {
      const hurt = yield* this.#look(ref, pace);
      // Names go before what only they need does: then it was no damage.
      if (hurt !== undefined && names.get(ref.name) === ref.id) found.push(hurt);
      if (pace.isOver()) yield;
    }
    return found;
  }

  *#look({ name, id }: Ref, pace: Pace): Generator<void, HurtName | undefined> {
    if (this.#suspects.isHurt(id)) {
      return { name, id, reason: this.#suspects.reasonOf(id) ?? '', paths: [], count: 0 };
    }
    const tree = this.#orSuspect(id, () => readCommit(this.#source, id).tree);
    if (tree === undefined) return { name, id, reason: this.#suspects.reasonOf(id) ?? '', paths: [], count: 0 };
    const count = yield* this.#count(tree, pace);
    return count === 0 ? undefined : { name, id, reason: undefined, paths: this.#first(tree), count };
  }

  /** By hand and not by recursion: directories may be as deep as a path is long. */
  *#count(root: ObjectId, pace: Pace): Generator<void, number> {
    const frames: Frame[] = [];
    /** @returns how many are hurt below it; undefined when that is found out now. */
    const enter = (tree: ObjectId): number | undefined => {
      const known = tree === EMPTY_TREE ? 0 : this.#counts.get(tree);
      if (known !== undefined || this.#suspects.isHurt(tree)) return known ?? 1;
      const entries = this.#orSuspect(tree, () => readTree(this.#source, tree));
      if (entries !== undefined) frames.push({ tree, entries: entries.values(), hurt: 0 });
      return entries === undefined ? 1 : undefined;
    };
    const known = enter(root);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const { value: entry, done } = frame.entries.next();
      if (done === true) {
        this.#counts.set(frame.tree, frame.hurt);
        frames.pop();
        const above = frames.at(-1);
        if (above !== undefined) above.hurt += frame.hurt;
      } else if (entry.mode === DIRECTORY) frame.hurt += enter(entry.id) ?? 0;
      else if (this.#suspects.isHurt(entry.id)) frame.hurt += 1;
      if (pace.isOver()) yield;
    }
    return known ?? this.#counts.get(root) ?? 0;
  }

  /** Goes down only where something is hurt. */
  #first(root: ObjectId): readonly ByteText[] {
    if (this.#suspects.isHurt(root)) return ['/'];
    const paths: ByteText[] = [];
    const unread: { readonly tree: ObjectId; readonly path: ByteText }[] = [{ tree: root, path: '' }];
    for (let at = unread.pop(); at !== undefined && paths.length < SHOWN; at = unread.pop()) {
      const { tree } = at;
      for (const { name, mode, id } of this.#orSuspect(tree, () => readTree(this.#source, tree)) ?? []) {
        const path = `${at.path}${name}${mode === DIRECTORY ? '/' : ''}`;
        if (this.#suspects.isHurt(id)) paths.push(path);
        else if (mode === DIRECTORY && (this.#counts.get(id) ?? 0) > 0) unread.push({ tree: id, path });
      }
    }
    return paths.slice(0, SHOWN);
  }

  /** @returns what it reads; undefined when it finds a damage only now, or somebody has cleared up. */
  #orSuspect<T>(id: ObjectId, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#suspects.addDamage(id, error);
      return undefined;
    }
  }
}
