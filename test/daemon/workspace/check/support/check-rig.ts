/** A side repository with snapshots of known files, and a check of it, slice by slice. */
import type { KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResultOf } from '../../../../../protocol/methods.ts';
import { Checking } from '../../../../../daemon/workspace/engine/checking.ts';
import { writeRecord, type Record as StoredRecord } from '../../../../../daemon/workspace/engine/records.ts';
import { SideRepository } from '../../../../../daemon/workspace/engine/side-repository.ts';
import type { ObjectId, ObjectSink } from '../../../../../daemon/workspace/objects/object.ts';
import { encodeTree, type TreeEntry } from '../../../../../daemon/workspace/objects/tree-format.ts';
import { someKey, temporaryDirectory } from '../../objects/support/side.ts';

export type Verified = ResultOf<'snapshot/verify'>;
export type Files = Readonly<Record<string, Buffer | string>>;

export const SESSION = '01J00000000000000000000000';

const RECORD = {
  kind: 'snapshot',
  at: 1_700_000_000_000,
  files: 1,
  bytes: 1,
  skipped: [],
  skippedMore: 0,
  remarks: [],
  rulesHash: '',
  durationMs: 1,
} as const satisfies StoredRecord;

export class CheckRig {
  readonly directory: string;
  readonly key: KeyObject;
  readonly #encrypt: boolean;
  side: SideRepository;

  constructor(encrypt = true) {
    this.directory = temporaryDirectory();
    this.key = someKey();
    this.#encrypt = encrypt;
    this.side = this.#open();
  }

  /** As a daemon that begins. */
  reopen(): void {
    this.side.close();
    this.side = this.#open();
  }

  /** In a pack of its own. A name with a slash is in a directory. */
  snapshot(name: string, files: Files): ObjectId {
    return this.keep(name, (sink) => writeRecord(sink, treeOf(sink, files), name, RECORD));
  }

  keep(name: string, write: (sink: ObjectSink) => ObjectId): ObjectId {
    const batch = this.side.store.begin('fast');
    const id = write(batch);
    batch.commit();
    this.side.rename([{ name, id }]);
    return id;
  }

  /** @param between done after each slice, with its number. */
  async check(between: (slice: number) => void = () => undefined, sliceMs = 0): Promise<Verified> {
    const checking = new Checking(this.side, () => undefined, sliceMs);
    await checking.obey('begin');
    for (let slice = 1; ; slice += 1) {
      const step = await checking.obey('go-on');
      if ('done' in step) return step.done;
      between(slice);
    }
  }

  /** Changes a file as somebody who has no key can. */
  edit(name: string, change: (bytes: Buffer) => Buffer): void {
    const path = join(this.directory, name);
    writeFileSync(path, change(readFileSync(path)));
  }

  /** @param at from the end when it is negative. */
  flip(name: string, at: number): void {
    this.edit(name, (bytes) => {
      bytes[at < 0 ? bytes.length + at : at]! ^= 1;
      return bytes;
    });
  }

  /** The pack that an object is in, and where its bytes are in that file. */
  placeOf(id: ObjectId): { readonly pack: string; readonly at: number } {
    const { store } = this.side;
    for (const { name } of store.packs()) {
      for (const object of store.objectsOf(name))
        if (object.id === id) return { pack: name, at: inFile(object.offset) };
    }
    throw new Error(`${id} is in no pack`);
  }

  #open(): SideRepository {
    return new SideRepository(this.directory, this.key, this.#encrypt);
  }
}

const HEADER = 56;
const CHUNK = 65_536;
const TAG = 16;

function inFile(offset: number): number {
  return HEADER + Math.floor(offset / CHUNK) * (CHUNK + TAG) + (offset % CHUNK);
}

function treeOf(sink: ObjectSink, files: Files): ObjectId {
  const entries: TreeEntry[] = [];
  const below = new Map<string, Record<string, Buffer | string>>();
  for (const [path, content] of Object.entries(files)) {
    const [first = '', ...rest] = path.split('/');
    if (rest.length === 0) entries.push({ name: first, mode: 0o100644, id: sink.write('blob', Buffer.from(content)) });
    else below.set(first, { ...below.get(first), [rest.join('/')]: content });
  }
  for (const [name, inner] of below) entries.push({ name, mode: 0o40000, id: treeOf(sink, inner) });
  return sink.write('tree', encodeTree(entries));
}
