/**
 * What a restore is about to do, on disk before it does the first of it, so that a crash in the middle can be completed.
 * There is one for a workspace: a restore begins when the one before has ended.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SealedReader } from '../objects/sealed-reader.ts';
import { clearLeftovers, SealedWriter } from '../objects/sealed-writer.ts';
import { realDisk } from '../objects/store-disk.ts';
import { isGone, TamperedFile } from '../objects/store-errors.ts';
import type { Identity } from './held-root.ts';
import type { RestorePlan } from './restore-plan.ts';
import type { RestoreOrder } from './restore-result.ts';

/** In the directory of the side repository. */
export const JOURNAL_FILE = 'restore-journal';
const VERSION = 1;

export interface JournalRecord {
  readonly order: RestoreOrder;
  /** Of the workspace's directory; missing from what older versions have begun. */
  readonly place?: Identity;
  /** In the names of the restore's temporary files, so that those of a crash are found and no others. */
  readonly mark: string;
  readonly writes: RestorePlan['writes'];
  readonly deletes: RestorePlan['deletes'];
  readonly directories: RestorePlan['directories'];
}

/** An earlier restore was cut off. It has to be completed, or given up, before another one begins. */
export class RestoreUnfinished extends Error {
  override readonly name = 'RestoreUnfinished';

  constructor() {
    super('an earlier restore of this workspace is not complete; it goes on when there is room on the disk again');
  }
}

/** The journal was changed, or written under another key: nothing is done that it says. */
export class TamperedJournal extends Error {
  override readonly name = 'TamperedJournal';

  constructor(path: string, reason: string) {
    super(
      `A restore was cut off, and what is left to do is damaged or belongs to another key (${path}: ${reason}). ` +
        'Compare the files with the snapshot from before it, then remove that file.',
    );
  }
}

export class RestoreJournal {
  readonly #directory: string;
  readonly #key: KeyObject | undefined;
  readonly #disk: typeof realDisk;

  /**
   * @param directory of the side repository; exists.
   * @param key 32 bytes; undefined where snapshots are plain.
   */
  constructor(directory: string, key: KeyObject | undefined, disk = realDisk) {
    this.#directory = directory;
    this.#key = key;
    this.#disk = disk;
  }

  /** Durable when it returns. @throws RestoreUnfinished when there is one already; StoreFull. Nothing has begun then. */
  begin(record: JournalRecord): void {
    if (this.isThere()) throw new RestoreUnfinished();
    clearLeftovers(this.#disk, this.#directory, 'journal');
    const writer = new SealedWriter(this.#disk, this.#directory, 'journal', this.#key);
    try {
      writer.append(Buffer.from(JSON.stringify({ version: VERSION, ...record }), 'utf8'));
      writer.finish();
      writer.publish(JOURNAL_FILE);
    } catch (error) {
      // Whoever is told that the restore has not begun must not find it completed later.
      this.#disk.remove(this.path);
      throw error;
    } finally {
      writer.discard();
    }
  }

  isThere(): boolean {
    return existsSync(this.path);
  }

  /** @returns what was begun and not ended; undefined when nothing was. @throws TamperedJournal */
  read(): JournalRecord | undefined {
    try {
      const reader = new SealedReader(this.path, 'journal', this.#key);
      try {
        return parsed(reader.read(0, reader.length));
      } finally {
        reader.close();
      }
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error instanceof TamperedFile ? new TamperedJournal(this.path, error.message) : error;
    }
  }

  /** Everything in it is done and durable, or given up. */
  end(): void {
    this.#disk.remove(this.path);
    this.#disk.syncDirectory(this.#directory);
  }

  get path(): string {
    return join(this.#directory, JOURNAL_FILE);
  }
}

function parsed(text: Buffer): JournalRecord {
  const { version, ...record }: JournalRecord & { version: number } = JSON.parse(text.toString('utf8'));
  if (version !== VERSION) throw new TamperedFile(`unknown version ${version}`);
  return record;
}
