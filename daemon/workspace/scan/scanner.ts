/** Makes the git tree of a directory: what is in the workspace right now, as far as it is captured. */
import type { KeyObject } from 'node:crypto';
import { toByteText, toShownText, type ByteText } from '../byte-text.ts';
import { EMPTY_TREE, type ObjectId, type ObjectSink } from '../objects/object.ts';
import type { TreeMode } from '../objects/tree-format.ts';
import { CacheFile } from './cache-file.ts';
import { closedPaths } from './closed-paths.ts';
import type { DirectoryNode } from './directory-node.ts';
import { kindOf, realDisk, type Disk } from './disk.ts';
import { EntryReader } from './entry-reader.ts';
import { outerRules, type OuterRules, type Places } from './outer-rules.ts';
import { PathRules } from './path-rules.ts';
import { Repositories } from './repositories.ts';
import { DEFAULT_LIMITS, ScanStopped, WorkspaceUnreadable, type ScanLimits, type ScanResult } from './scan-result.ts';
import type { Scout } from './scout.ts';
import { ALL, suspicionOf, type Dirty } from './suspicion.ts';
import { Survey, type SurveyParts } from './survey.ts';
import { tally } from './tally.ts';
import { textOf } from './text-file.ts';
import { TreeWriter } from './tree-writer.ts';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface ScannerParts {
  /** Real path of the workspace. */
  readonly root: string;
  /** Where what is known is kept between two lives of the process. */
  readonly cacheFile: string;
  /** Undefined: the file is not encrypted. */
  readonly key: KeyObject | undefined;
  readonly places: Places;
  readonly limits?: Partial<ScanLimits>;
  readonly clock?: Clock;
  readonly disk?: Disk;
  /** Looks ahead in another thread, on the real disk. */
  readonly scout?: Scout;
}

export interface ScanOptions {
  /** Also reads the names in directories that seem unchanged; goes before `dirty`. */
  readonly relist?: boolean;
  /**
   * The only places that may have changed since the newest scan, as far as the scan does not see that for itself: it looks
   * at files with several names and at the rules of repositories each time. Undefined: anything may have.
   */
  readonly dirty?: Dirty;
  /** Told the path of every directory that is looked into, one above before those in it. */
  readonly entered?: (directory: ByteText) => void;
  /** Told how many files there are to read, before the first one is. */
  readonly counted?: (files: number) => void;
}

interface Signal {
  readonly aborted: boolean;
}

/** The rules in force at the moment that they were asked for. */
export type CurrentRules = PathRules;

/** Synchronous throughout: it belongs into a thread of its own. Never writes in the workspace. */
export class Scanner {
  readonly #root: ByteText;
  readonly #places: Places;
  readonly #limits: ScanLimits;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #repositories: Repositories;
  readonly #cache: CacheFile;
  readonly #scout: Scout | undefined;
  /** What the scans before have found, newest first: a batch may not have been committed. Undefined: not loaded yet. */
  #known: readonly DirectoryNode[] | undefined;
  /** What the newest scan of this process has found: what a watch tells is about this alone. */
  #current: DirectoryNode | undefined;

  constructor(parts: ScannerParts) {
    this.#root = toByteText(parts.root);
    this.#places = parts.places;
    this.#limits = { ...DEFAULT_LIMITS, ...parts.limits };
    this.#clock = parts.clock ?? Date;
    this.#disk = parts.disk ?? realDisk;
    this.#scout = parts.scout;
    this.#repositories = new Repositories(() => this.#clock.now());
    this.#cache = new CacheFile(parts.cacheFile, parts.key, `${this.#root}\0${this.#limits.fileBytes}`);
  }

  /**
   * The objects of what has changed go to the sink. What was found by a scan is only built upon when its tree is in the
   * sink, so a batch may be abandoned at any time.
   *
   * @param options how far what is known is gone by.
   * @throws WorkspaceUnreadable, and what the sink throws; what was known stays as it was.
   */
  scan(sink: ObjectSink, signal: Signal, options: ScanOptions = {}): ScanResult {
    const start = this.#clock.now();
    const outer = this.#outer();
    const before = this.#stored(sink);
    try {
      const { root, drafts, isWhole } = this.#survey(before, options, { outer, start, signal });
      options.counted?.(pendingIn(drafts));
      const reader = new EntryReader(this.#disk, this.#limits.fileBytes);
      const writer = new TreeWriter({ reader, sink, drafts, start, signal });
      writer.finish(root, this.#root);
      if (root.tree === EMPTY_TREE) sink.write('tree', Buffer.alloc(0));
      this.#current = root;
      this.#known = before === undefined || before === root ? [root] : [root, before];
      const remarks = [...outer.remarks, ...this.#repositories.takeRemarks(), ...writer.torn.map(tornRemark)];
      const counts = tally(root, outer.above.key);
      const closed = closedPaths(root);
      return { tree: root.tree, ...counts, closed, remarks, changedDirectories: writer.changed, isWhole };
    } catch (error) {
      if (error instanceof ScanStopped) return stopped(error);
      throw error;
    }
  }

  /**
   * Keeps what is known for the next life of the process. To be called after the batch of the newest scan is committed.
   * @throws the error of the system when it cannot be written.
   */
  saveCache(): void {
    const newest = this.#known?.[0];
    if (newest !== undefined) this.#cache.save(newest);
  }

  /** What the next scan builds upon, if it is still stored then; undefined when there is no such thing, or no workspace. */
  get newest(): ObjectId | undefined {
    const [newest] = this.#load();
    return this.#isGone() ? undefined : newest?.tree;
  }

  /** Everything is read again next time. */
  forget(): void {
    this.#current = undefined;
    this.#known = [];
  }

  /**
   * One path as it is now; its blob goes to the sink.
   * @returns undefined when it is not there, a directory, or not captured.
   */
  capture(path: ByteText, sink: ObjectSink): { mode: TreeMode; id: ObjectId } | undefined {
    const names = path.split('/');
    let full = this.#root;
    for (const name of names.slice(0, -1)) {
      full += `/${name}`;
      const stat = this.#disk.lstat(full);
      if (stat === undefined || kindOf(stat.mode) !== 'directory') return undefined;
    }
    full += `/${names.at(-1) ?? ''}`;
    const stat = this.#disk.lstat(full);
    if (stat === undefined || this.rules().isIgnored(path, false)) return undefined;
    const reading = new EntryReader(this.#disk, this.#limits.fileBytes).read(full, kindOf(stat.mode));
    return reading.what === 'captured' ? { mode: reading.mode, id: sink.write('blob', reading.body) } : undefined;
  }

  /** Reads the rules from the disk as far as they are asked about. */
  rules(): CurrentRules {
    return new PathRules(this.#outer(), (directory) => {
      const path = directory === '' ? this.#root : `${this.#root}/${directory}`;
      return {
        ruleText: textOf(`${path}/.gitignore`, false),
        has: (name) => this.#disk.lstat(`${path}/${name}`) !== undefined,
      };
    });
  }

  #survey(
    before: DirectoryNode | undefined,
    { relist = false, dirty, entered }: ScanOptions,
    of: Pick<SurveyParts, 'outer' | 'start' | 'signal'>,
  ): { root: DirectoryNode; drafts: Survey['drafts']; isWhole: boolean } {
    const isTold = before !== undefined && before === this.#current && !relist;
    const parts = { ...of, disk: this.#disk, limits: this.#limits, relist, entered, ahead: undefined };
    const suspicion = isTold ? suspicionOf(dirty) : ALL;
    const ahead = suspicion === ALL && before !== undefined ? this.#scout?.send(before, this.#root) : undefined;
    let survey = new Survey({ ...parts, suspicion, ahead });
    let root = survey.root(before);
    ahead?.end();
    const isWhole = suspicion === ALL || survey.hasNewLink;
    if (suspicion !== ALL && isWhole) {
      survey = new Survey({ ...parts, suspicion: ALL });
      root = survey.root(before);
    }
    if (root === undefined || root.refusal !== undefined) throw this.#unreadable();
    return { root, drafts: survey.drafts, isWhole };
  }

  #outer(): OuterRules {
    return outerRules(this.#root, this.#places, this.#repositories);
  }

  /** The newest of what is known whose objects are there. */
  #stored(sink: ObjectSink): DirectoryNode | undefined {
    return this.#load().find(({ tree }) => tree === EMPTY_TREE || sink.has(tree));
  }

  /** One that cannot be looked at is not gone. */
  #isGone(): boolean {
    try {
      return this.#disk.lstat(this.#root) === undefined;
    } catch {
      return false;
    }
  }

  #load(): readonly DirectoryNode[] {
    this.#known ??= [this.#cache.load()].filter((node) => node !== undefined);
    return this.#known;
  }

  #unreadable(): WorkspaceUnreadable {
    return new WorkspaceUnreadable(`The workspace ${toShownText(this.#root)} ${this.#obstacle()}`);
  }

  #obstacle(): string {
    try {
      const stat = this.#disk.lstat(this.#root);
      if (stat === undefined) {
        return 'is gone, so nothing was captured. To have its files back, make the directory again, and restore with --all.';
      }
      if (kindOf(stat.mode) === 'link') {
        return 'is a symbolic link now, which no snapshot follows. Go on in the directory that it leads to.';
      }
    } catch {
      // Whatever keeps it from being looked at keeps it from being read.
    }
    return 'cannot be read, so nothing was captured. Look whether it is a directory and may be listed.';
  }
}

function stopped({ truncated }: ScanStopped): ScanResult {
  const nothing = {
    files: 0,
    bytes: 0,
    directories: 0,
    skipped: [],
    skippedInAll: 0,
    closed: [],
    remarks: [],
    rulesHash: '',
  };
  return { tree: EMPTY_TREE, ...nothing, truncated, changedDirectories: 0, isWhole: false };
}

function pendingIn(drafts: Survey['drafts']): number {
  let files = 0;
  for (const { pending } of drafts.values()) files += pending.length;
  return files;
}

function tornRemark(path: ByteText): string {
  return `${toShownText(path)} was being written each time it was read; what was captured of it may be a mixture.`;
}
