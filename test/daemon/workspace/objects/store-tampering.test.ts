import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { idOf, type ObjectId } from '../../../../daemon/workspace/objects/object.ts';
import { ObjectTable } from '../../../../daemon/workspace/objects/object-table.ts';
import { encodePackEnd } from '../../../../daemon/workspace/objects/pack-files.ts';
import { SealedWriter } from '../../../../daemon/workspace/objects/sealed-writer.ts';
import { realDisk } from '../../../../daemon/workspace/objects/store-disk.ts';
import { ObjectStore } from '../../../../daemon/workspace/objects/object-store.ts';
import { MissingObject, TamperedObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { chance } from '../../../fault/support/chance.ts';
import { someKey, temporaryDirectory } from './support/side.ts';

const HEADER = 56;
const CHUNK = 65_536 + 16;

interface Victim {
  readonly directory: string;
  readonly path: string;
  readonly ids: readonly ObjectId[];
  open(): ObjectStore;
}

describe.each([
  ['encrypted', someKey()],
  ['plain', undefined],
])('an %s store', (_, key) => {
  const bodies = Array.from({ length: 10 }, () => randomBytes(30_000));

  /** One pack of five chunks, two objects a chunk. */
  function victim(): Victim {
    const directory = temporaryDirectory();
    const batch = ObjectStore.open(directory, key).begin('fast');
    const ids = bodies.map((body) => batch.write('blob', body));
    batch.commit();
    const [name] = readdirSync(directory);
    return { directory, path: join(directory, name ?? ''), ids, open: () => ObjectStore.open(directory, key) };
  }

  /** What becomes of each object: its number of whole ones, and that no other bytes than the written are given out. */
  function wholeOnes({ open, ids }: Victim): number {
    const store = open();
    let whole = 0;
    for (const [index, id] of ids.entries()) {
      try {
        expect(store.read(id).body.equals(bodies[index]!)).toBe(true);
        whole += 1;
      } catch (error) {
        if (!(error instanceof TamperedObject) && !(error instanceof MissingObject)) throw error;
        expect(store.has(id)).toBe(false);
      }
    }
    store.close();
    return whole;
  }

  function change(path: string, edit: (bytes: Buffer) => Buffer): void {
    writeFileSync(path, edit(readFileSync(path)));
  }

  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    return bytes;
  };

  test.each([0, 4, 5, 6, 7, 8, 30, HEADER - 1])('refuses a pack whose header was changed at byte %i', (at) => {
    const pack = victim();
    change(pack.path, flip(at));
    const store = pack.open();
    expect(store.damage()).toMatchObject([{ reason: expect.any(String) }]);
    expect(() => store.read(pack.ids[0]!)).toThrow(/1 of its packs cannot be read/);
    expect(wholeOnes(pack)).toBe(0);
    expect(store.verify({ aborted: false }).damage).toHaveLength(1);
  });

  test.each([
    ['its first byte', HEADER],
    ['the middle', HEADER + 2 * CHUNK + 5],
    ['the tag', HEADER + CHUNK - 1],
  ])('gives out no object of a chunk that was changed at %s, and all the others', (__, at) => {
    const pack = victim();
    change(pack.path, flip(at));
    const whole = wholeOnes(pack);
    expect(whole).toBeGreaterThanOrEqual(6);
    expect(whole).toBeLessThan(10);
    const report = pack.open().verify({ aborted: false });
    expect(report).toMatchObject({ packs: 1, objects: 10, complete: true });
    expect(report.damage).toHaveLength(10 - whole);
  });

  test.each([-1, -17, -30, -200])('refuses a pack whose list was changed at byte %i', (at) => {
    const pack = victim();
    change(pack.path, flip(at));
    expect(pack.open().damage()).toHaveLength(1);
    expect(wholeOnes(pack)).toBe(0);
  });

  test('notices any bit that was turned, wherever it is', () => {
    const pack = victim();
    const original = readFileSync(pack.path);
    const random = chance();
    for (let round = 0; round < 60; round += 1) {
      const at = random.between(0, original.length - 1);
      change(pack.path, flip(at));
      expect(wholeOnes(pack), `byte ${at}`).toBeLessThan(10);
      writeFileSync(pack.path, original);
    }
    expect(wholeOnes(pack)).toBe(10);
  });

  test.each([0, 10, HEADER, HEADER + 8, HEADER + CHUNK, HEADER + 2 * CHUNK, HEADER + 4 * CHUNK + 10])(
    'notices that a pack was cut off after %i bytes',
    (length) => {
      const pack = victim();
      truncateSync(pack.path, length);
      expect(pack.open().damage()).toHaveLength(1);
      expect(wholeOnes(pack)).toBe(0);
    },
  );

  test('notices chunks that were exchanged, doubled or left out', () => {
    const chunk = (bytes: Buffer, index: number) =>
      bytes.subarray(HEADER + index * CHUNK, HEADER + (index + 1) * CHUNK);
    const edits: ((bytes: Buffer) => Buffer)[] = [
      (bytes) =>
        Buffer.concat([
          bytes.subarray(0, HEADER),
          chunk(bytes, 1),
          chunk(bytes, 0),
          bytes.subarray(HEADER + 2 * CHUNK),
        ]),
      (bytes) =>
        Buffer.concat([bytes.subarray(0, HEADER + CHUNK), chunk(bytes, 0), bytes.subarray(HEADER + 2 * CHUNK)]),
      (bytes) => Buffer.concat([bytes.subarray(0, HEADER), bytes.subarray(HEADER + CHUNK)]),
      (bytes) => Buffer.concat([bytes, chunk(bytes, 0)]),
    ];
    for (const edit of edits) {
      const pack = victim();
      change(pack.path, edit);
      expect(wholeOnes(pack)).toBeLessThan(10);
    }
  });

  test('notices chunks of another pack, a pack under the name of another, and another key', () => {
    const [one, other] = [victim(), victim()];
    const foreign = readFileSync(other.path);
    change(one.path, (bytes) => {
      foreign.copy(bytes, HEADER, HEADER, HEADER + CHUNK);
      return bytes;
    });
    expect(wholeOnes(one)).toBeLessThan(10);
    renameSync(other.path, one.path);
    expect(one.open().damage()).toMatchObject([{ reason: 'it was another pack' }]);
    const store = ObjectStore.open(one.directory, someKey());
    expect(store.damage()).toHaveLength(1);
    expect(store.has(one.ids[0]!)).toBe(false);
  });

  test('reads nothing of a pack that is gone, and says what is missing', () => {
    const pack = victim();
    const store = pack.open();
    store.close();
    rmSync(pack.path);
    expect(() => store.read(pack.ids[0]!)).toThrow(MissingObject);
    expect(store.packs()).toEqual([]);
    expect(wholeOnes(pack)).toBe(0);
  });

  test('gives out no bytes under an id that is not theirs, even from a pack that verifies', () => {
    const directory = temporaryDirectory();
    const [wanted, other] = [Buffer.from('wanted'), Buffer.from('others')];
    const table = new ObjectTable();
    table.add(idOf('blob', wanted), 0, { kind: 'blob', deflated: false, tried: false, offset: 0, stored: 6, size: 6 });
    const writer = new SealedWriter(realDisk, directory, 'pack', key);
    writer.append(other);
    writer.append(encodePackEnd(table, 0, 1, 6));
    writer.finish();
    writer.publish(`${writer.id}.pack`);
    const store = ObjectStore.open(directory, key);
    expect(() => store.read(idOf('blob', wanted))).toThrow(TamperedObject);
    expect(store.verify({ aborted: false }).damage).toMatchObject([{ object: idOf('blob', wanted) }]);
  });

  test('takes a damaged object again when it is written again', () => {
    const pack = victim();
    change(pack.path, flip(HEADER));
    const store = pack.open();
    expect(() => store.read(pack.ids[0]!)).toThrow(TamperedObject);
    expect(() => store.read(pack.ids[0]!)).toThrow(TamperedObject);
    const batch = store.begin('fast');
    batch.write('blob', bodies[0]!);
    batch.write('blob', bodies[9]!);
    expect(batch.objects).toBe(1);
    batch.commit();
    expect(store.read(pack.ids[0]!).body).toEqual(bodies[0]);
    expect(pack.open().read(pack.ids[0]!).body).toEqual(bodies[0]);
  });
});

test('a store with a key takes no pack that anybody could have written', () => {
  const directory = temporaryDirectory();
  const plain = ObjectStore.open(directory, undefined).begin('fast');
  const id = plain.write('blob', Buffer.from('planted'));
  plain.commit();
  const store = ObjectStore.open(directory, someKey());
  expect(store.damage()).toMatchObject([{ reason: 'it is not encrypted' }]);
  expect(() => store.read(id)).toThrow(MissingObject);
});
