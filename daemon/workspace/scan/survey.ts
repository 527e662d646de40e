/** The first half of a scan: what is there, and what of it has to be read. Nothing is opened here but directories. */
import type { ByteText } from '../byte-text.ts';
import { unknownDirectory, untrustedStamp, type DirectoryNode, type Draft, type RuleText } from './directory-node.ts';
import { kindOf, type Disk, type EntryKind, type Stat } from './disk.ts';
import { Entries, isSame, isStat, type Look } from './entries.ts';
import { gistOf, ownFiles } from './gist.ts';
import { Glance } from './glance.ts';
import { hasSameRules, noteRules } from './known-rules.ts';
import type { OuterRules } from './outer-rules.ts';
import { enterLevel, rulesKey, type Level } from './rule-level.ts';
import { isGone, refusalOf } from './refusal.ts';
import { ScanStopped, type ScanLimits } from './scan-result.ts';
import type { Ahead } from './scout.ts';
import { sift, type Names } from './sieve.ts';
import { distrust, isNewlyLinked, isSettled, putStamp, sameStamp, sameStamps, sizeIn, STAMP } from './stamp.ts';
import { ALL, isLoose, suspicionBelow, type Suspicion } from './suspicion.ts';
import { textOf } from './text-file.ts';

export interface SurveyParts {
  readonly disk: Disk;
  readonly outer: OuterRules;
  readonly limits: ScanLimits;
  /** When the scan began, milliseconds since the epoch. */
  readonly start: number;
  /** Reads the names in every directory, whatever its stamp says. */
  readonly relist: boolean;
  /** What may be another than it was known; the rest is taken as it was. */
  readonly suspicion: Suspicion;
  /** Told the path of every directory that is looked into. */
  readonly entered: ((directory: ByteText) => void) | undefined;
  /** What another thread has looked at already. */
  readonly ahead: Ahead | undefined;
  readonly signal: { readonly aborted: boolean };
}

/** A directory on the way. */
interface Visit {
  readonly path: ByteText;
  /** From the workspace down to it. */
  readonly names: readonly ByteText[];
  readonly before: DirectoryNode | undefined;
  readonly above: Level;
  readonly isClosed: boolean;
  readonly suspicion: Suspicion;
}

/** Of the directory, not of what is in it. */
type Own = Omit<DirectoryNode, 'names' | 'stamps' | 'ids' | 'modes' | 'skips' | 'childNames' | 'children' | 'tree'>;

/** Entries between two looks at the signal. */
const BREATH = 256;

export class Survey {
  readonly drafts = new Map<DirectoryNode, Draft>();
  /** A file has got a further name: what was written through one of them was told of under that name alone. */
  hasNewLink = false;
  readonly #parts: SurveyParts;
  readonly #glance: Glance;
  #files = 0;
  #bytes = 0;

  constructor(parts: SurveyParts) {
    this.#parts = parts;
    this.#glance = new Glance(parts.start);
  }

  /**
   * @returns `before` itself when nothing has changed; undefined when there is no such directory.
   * @throws ScanStopped when a limit is passed or the signal is aborted.
   */
  root(before: DirectoryNode | undefined): DirectoryNode | undefined {
    const { outer, suspicion } = this.#parts;
    return this.#visit({ path: outer.root, names: [], before, above: outer.above, isClosed: false, suspicion });
  }

  #visit(visit: Visit): DirectoryNode | undefined {
    this.#breathe();
    const { before } = visit;
    if (before === undefined || visit.suspicion === ALL) return this.#open(visit);
    const told = visit.suspicion;
    const suspicion = isLoose(told) ? this.#glance.at(this.#statOf(visit.path), before, told) : told;
    if (suspicion === ALL) return this.#open({ ...visit, suspicion });
    const { files, bytes, isUntold, isRestless } = gistOf(before);
    if (isUntold || suspicion?.isOwn === true) return this.#open(visit);
    if (suspicion !== undefined || isRestless) return this.#pass(visit, before);
    this.#count(files, bytes);
    return before;
  }

  #open(visit: Visit): DirectoryNode | undefined {
    const { disk, relist, entered, ahead } = this.#parts;
    const { path, before, names } = visit;
    entered?.(names.join('/'));
    try {
      const seen = before === undefined ? undefined : ahead?.of(before);
      const stamp = this.#stampAt(path, before, seen);
      if (stamp === undefined) return undefined;
      const isKnown = before !== undefined && stamp === before.stamp;
      return this.#enter(visit, stamp, isKnown && !relist ? undefined : disk.list(path), seen);
    } catch (error) {
      if (isGone(error)) return undefined;
      const reason = refusalOf(error, 'unreadable-directory');
      // That somebody has locked a door does not mean that the room is empty.
      if (before === undefined) return unknownDirectory(reason);
      return before.refusal === reason ? before : { ...before, refusal: reason };
    }
  }

  /** Looks only at what is below a directory. */
  #pass(visit: Visit, before: DirectoryNode): DirectoryNode | undefined {
    const { path, names, above, isClosed } = visit;
    const { rulesKey: key, hides, isRepository, ruleText, refusal } = before;
    const repository = isRepository ? this.#parts.outer.repositories.at(path) : undefined;
    const level = enterLevel(above, { ruleText: ruleText?.text, repository, depth: names.length, isClosed });
    if (!hasSameRules(before, level, names.length === 0)) return this.#open({ ...visit, suspicion: ALL });
    const { files, bytes } = ownFiles(before);
    this.#count(files, bytes);
    const children = this.#children(visit, namesOf(before), level);
    const stamp = children.includes(undefined) ? untrustedStamp() : before.stamp;
    const own = { stamp, rulesKey: key, hides, isClosed, isRepository, ruleText, refusal };
    const node = this.#result(before, new Entries(before.names, before), before.childNames, children, own);
    noteRules(node, level, names.length === 0);
    return node;
  }

  /** @returns that of `before` while it fits; undefined when there is no such directory. @param seen by the scout. */
  #stampAt(
    path: ByteText,
    before: DirectoryNode | undefined,
    seen: Float64Array | undefined,
  ): Float64Array | undefined {
    const known = before === undefined || before.refusal !== undefined ? undefined : before.stamp;
    if (known !== undefined && seen !== undefined && sameStamps(seen, 0, known, 0)) return known;
    const stat = this.#parts.disk.lstat(path);
    if (stat === undefined || kindOf(stat.mode) !== 'directory') return undefined;
    return known !== undefined && sameStamp(known, 0, stat) ? known : this.#stampOf(stat);
  }

  /** @param listing undefined when the names are those that are known. @param seen by the scout. */
  #enter(
    visit: Visit,
    stamp: Float64Array,
    listing: ReadonlyMap<ByteText, EntryKind> | undefined,
    seen: Float64Array | undefined,
  ): DirectoryNode {
    const { path, before, above, names, isClosed } = visit;
    const { isRepository, hasRules } = listing === undefined ? telling(before) : tellingIn(listing);
    const ruleText = hasRules ? this.#ruleText(`${path}/.gitignore`, before?.ruleText) : undefined;
    const repository = isRepository ? this.#parts.outer.repositories.at(path) : undefined;
    const level = enterLevel(above, { ruleText: ruleText?.text, repository, depth: names.length, isClosed });
    const isKept = listing === undefined && before !== undefined && before.rulesKey === rulesKey(level, before.hides);
    const kept = isKept ? namesOf(before) : sift(listing ?? this.#parts.disk.list(path), names, level);
    const entries = new Entries(kept.files, before);
    this.#look(path, entries, entries.isAltered ? undefined : seen);
    const isUnderSame = hasSameRules(before, level, names.length === 0);
    const children = this.#children(isUnderSame ? visit : { ...visit, suspicion: ALL }, kept, level);
    // Something has gone since its directory was looked at: the next scan must not go by these names.
    const isStale = entries.isStale || children.includes(undefined);
    const node = this.#result(before, entries, kept.directories, children, {
      stamp: isStale ? untrustedStamp() : stamp,
      rulesKey: rulesKey(level, kept.hides),
      hides: kept.hides,
      isClosed,
      isRepository,
      ruleText,
      refusal: undefined,
    });
    noteRules(node, level, names.length === 0);
    return node;
  }

  #result(
    before: DirectoryNode | undefined,
    entries: Entries,
    directories: readonly ByteText[],
    looked: readonly (DirectoryNode | undefined)[],
    own: Own,
  ): DirectoryNode {
    const children = looked.filter((child) => child !== undefined);
    const childNames = looked.length === children.length ? directories : directories.filter((_, at) => looked[at]);
    const hasSameChildren = isSame(childNames, before?.childNames ?? []);
    if (before !== undefined && !entries.isTouched && isSame(children, before.children) && isSameOwn(own, before))
      return before;
    const { names, stamps, ids, modes, skips } = entries;
    const node = { ...own, names, stamps, ids, modes, skips, childNames, children, tree: '' };
    const isAltered = before === undefined || entries.isAltered || !hasSameChildren;
    this.drafts.set(node, { before, pending: entries.pending, isAltered });
    return node;
  }

  /** @param seen by the scout: of the directory, then of each name. */
  #look(path: ByteText, entries: Entries, seen: Float64Array | undefined): void {
    const { fileBytes } = this.#parts.limits;
    const { names } = entries;
    for (let index = 0; index < names.length; index += 1) {
      if (index % BREATH === BREATH - 1) this.#breathe();
      if (seen !== undefined && sameStamps(seen, index + 1, entries.stamps, index)) {
        if (entries.ids[index] !== '') this.#count(1, sizeIn(entries.stamps, index));
        continue;
      }
      const look = this.#statOf(`${path}/${names[index] ?? ''}`);
      const isKnown = isStat(look) && sameStamp(entries.stamps, index, look);
      if (isStat(look) && isNewlyLinked(entries.stamps, index, look)) this.hasNewLink = true;
      const isCaptured = isKnown ? entries.ids[index] !== '' : entries.note(index, look, fileBytes, this.#parts.start);
      if (isCaptured && isStat(look)) this.#count(1, look.size);
    }
  }

  #children(visit: Visit, kept: Names, above: Level): (DirectoryNode | undefined)[] {
    const { before } = visit;
    const isAligned = before !== undefined && kept.directories === before.childNames;
    const known = isAligned
      ? undefined
      : new Map(before?.childNames.map((name, index) => [name, before.children[index]] as const));
    return kept.directories.map((name, index) =>
      this.#visit({
        path: `${visit.path}/${name}`,
        names: [...visit.names, name],
        before: isAligned ? before.children[index] : known?.get(name),
        above,
        isClosed: kept.closed.has(name),
        suspicion: suspicionBelow(visit.suspicion, name),
      }),
    );
  }

  #statOf(path: ByteText): Look {
    try {
      return this.#parts.disk.lstat(path);
    } catch (error) {
      return isGone(error) ? undefined : refusalOf(error, 'unreadable');
    }
  }

  #stampOf(stat: Stat): Float64Array {
    const stamp = new Float64Array(STAMP);
    putStamp(stamp, 0, stat);
    if (!isSettled(stat, this.#parts.start)) distrust(stamp, 0);
    return stamp;
  }

  /** One that cannot be read says what it said: otherwise all that it leaves out would come in. */
  #ruleText(path: ByteText, before: RuleText | undefined): RuleText | undefined {
    const look = this.#statOf(path);
    if (!isStat(look)) return look === undefined ? undefined : before;
    if (before !== undefined && sameStamp(before.stamp, 0, look)) return before;
    const text = textOf(path, false);
    return text === undefined ? before : { stamp: this.#stampOf(look), text };
  }

  #count(files: number, bytes: number): void {
    const { limits } = this.#parts;
    this.#files += files;
    this.#bytes += bytes;
    if (this.#files > limits.files) throw new ScanStopped({ reason: 'files', limit: limits.files });
    if (this.#bytes > limits.bytes) throw new ScanStopped({ reason: 'bytes', limit: limits.bytes });
  }

  #breathe(): void {
    if (this.#parts.signal.aborted) throw new ScanStopped({ reason: 'aborted' });
  }
}

function telling(before: DirectoryNode | undefined) {
  return { isRepository: before?.isRepository === true, hasRules: before?.ruleText !== undefined };
}

function tellingIn(listing: ReadonlyMap<ByteText, EntryKind>) {
  return { isRepository: listing.has('.git'), hasRules: listing.get('.gitignore') === 'file' };
}

const NO_NAMES: ReadonlySet<ByteText> = new Set();

function namesOf({ names, childNames, children, hides }: DirectoryNode): Names {
  const hasClosed = children.some((child) => child.isClosed);
  const closed = hasClosed ? new Set(childNames.filter((_, index) => children[index]?.isClosed)) : NO_NAMES;
  return { files: names, directories: childNames, closed, hides };
}

function isSameOwn(own: Own, before: DirectoryNode): boolean {
  return (
    isSame(own.stamp, before.stamp) &&
    own.rulesKey === before.rulesKey &&
    own.hides === before.hides &&
    own.isClosed === before.isClosed &&
    own.isRepository === before.isRepository &&
    own.ruleText === before.ruleText &&
    own.refusal === before.refusal
  );
}
