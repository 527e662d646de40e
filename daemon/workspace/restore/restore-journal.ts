/**
 * What a restore is about to do, on disk before it does the first of it, so that a crash in the middle can be completed.
 * There is one for a workspace: a restore begins when the one before has ended.
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal, sealJournal } from './journal-seal.ts';
import { realDisk, systemCode, type RestoreDisk } from './restore-disk.ts';
import type { PlannedDelete, PlannedWrite, RestorePlan } from './restore-plan.ts';
import type { RestoreOrder } from './restore-result.ts';

const NAME = 'restore-journal';
const VERSION = 1;

export interface JournalRecord {
  readonly order: RestoreOrder;
  /** In the names of the restore's temporary files, so that those of a crash are found and no others. */
  readonly mark: string;
  readonly writes: readonly PlannedWrite[];
  readonly deletes: readonly PlannedDelete[];
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

  constructor(path: string) {
    super(
      `the journal of a restore that was cut off does not verify, so the restore cannot be completed; compare the files with the snapshot before it, then remove ${path}`,
    );
  }
}

export class RestoreJournal {
  readonly #directory: string;
  readonly #key: KeyObject | undefined;
  readonly #disk: RestoreDisk;

  /**
   * @param directory of the side repository; exists.
   * @param key 32 bytes; undefined where snapshots are plain.
   */
  constructor(directory: string, key: KeyObject | undefined, disk = realDisk) {
    this.#directory = directory;
    this.#key = key;
    this.#disk = disk;
  }

  /** Durable when it resolves. @throws RestoreUnfinished when there is one already. */
  async begin(record: JournalRecord): Promise<void> {
    if (this.isThere()) throw new RestoreUnfinished();
    const text = Buffer.from(JSON.stringify({ version: VERSION, ...record }), 'utf8');
    const temporary = join(this.#directory, `tmp_${randomBytes(8).toString('hex')}`);
    await this.#write(temporary, sealJournal(this.#key, text));
    try {
      this.#disk.rename(temporary, this.#path);
      await this.#syncDirectory();
    } catch (error) {
      // Whoever is told that the restore has not begun must not find it completed later.
      this.#disk.unlink(this.isThere() ? this.#path : temporary);
      throw error;
    }
  }

  isThere(): boolean {
    return this.#bytes() !== undefined;
  }

  /** @returns what was begun and not ended; undefined when nothing was. @throws TamperedJournal */
  read(): JournalRecord | undefined {
    const bytes = this.#bytes();
    if (bytes === undefined) return undefined;
    const text = openJournal(this.#key, bytes);
    const record = text === undefined ? undefined : parsed(text);
    if (record === undefined) throw new TamperedJournal(this.#path);
    return record;
  }

  /** Everything in it is done and durable, or given up. */
  async end(): Promise<void> {
    this.#disk.unlink(this.#path);
    await this.#syncDirectory();
  }

  get #path(): string {
    return join(this.#directory, NAME);
  }

  #bytes(): Buffer | undefined {
    try {
      return readFileSync(this.#path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(path: string, bytes: Buffer): Promise<void> {
    const file = this.#disk.create(path);
    try {
      this.#disk.write(file, bytes);
      await this.#disk.sync(file);
    } catch (error) {
      this.#disk.unlink(path);
      throw error;
    } finally {
      this.#disk.close(file);
    }
  }

  async #syncDirectory(): Promise<void> {
    const file = openSync(this.#directory, 'r');
    try {
      await this.#disk.sync(file);
    } finally {
      closeSync(file);
    }
  }
}

function parsed(text: Buffer): JournalRecord | undefined {
  const { version, ...record }: JournalRecord & { version: number } = JSON.parse(text.toString('utf8'));
  return version === VERSION ? record : undefined;
}
