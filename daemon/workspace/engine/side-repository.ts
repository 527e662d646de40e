/** What is kept of one workspace: objects, the names of commits, and the journal of a restore. */
import type { KeyObject } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { PointName } from '../../services/snapshot-port.ts';
import { ObjectStore } from '../objects/object-store.ts';
import { RefStore, type RefChange } from '../objects/ref-store.ts';
import { RestoreJournal } from '../restore/restore-journal.ts';
import { describePoint, snapshotName } from './names.ts';
import { readRecord, type ReadRecord } from './records.ts';
import { storeFormat } from './store-format.ts';

export class SideRepository {
  readonly store: ObjectStore;
  readonly refs: RefStore;
  readonly journal: RestoreJournal;
  /** Undefined when what is stored is not encrypted. */
  readonly key: KeyObject | undefined;
  readonly #directory: string;

  /**
   * @param directory made when it is not there.
   * @param encrypt how a new one is made; what is there stays as it is.
   * @throws TamperedRefs, TamperedJournal
   */
  constructor(directory: string, key: KeyObject, encrypt: boolean) {
    this.#directory = directory;
    this.key = storeFormat(directory, encrypt) === 'encrypted' ? key : undefined;
    this.store = ObjectStore.open(directory, this.key);
    this.refs = RefStore.open(directory, this.key);
    this.journal = new RestoreJournal(directory, this.key);
    if (this.store.packs().length === 0 && this.store.unreadablePacks().length === 0) this.refs.begin();
  }

  get directory(): string {
    return this.#directory;
  }

  /** Whether there are contents without a list of names, as after a damage: nobody knows then what of them is needed. */
  get isListLost(): boolean {
    return this.refs.version === 0;
  }

  /** @throws ProtocolError NOT_FOUND; TamperedObject, MissingObject */
  snapshot(point: PointName): ReadRecord<'snapshot'> {
    const found = this.findSnapshot(snapshotName(point));
    if (found !== undefined) return found;
    throw new ProtocolError('NOT_FOUND', `${describePoint(point)} are not in a snapshot`, {
      hint: 'old ones are removed after a while; see which there are with: mctl snapshots list',
    });
  }

  /** @throws TamperedObject, MissingObject */
  findSnapshot(name: string): ReadRecord<'snapshot'> | undefined {
    const id = this.refs.get(name);
    return id === undefined ? undefined : readRecord(this.store, id, 'snapshot');
  }

  /** Changes of names that are not undefined, all at once. */
  rename(changes: readonly (RefChange | undefined)[]): void {
    this.refs.change(changes.filter((change) => change !== undefined));
  }

  close(): void {
    this.store.close();
  }
}
