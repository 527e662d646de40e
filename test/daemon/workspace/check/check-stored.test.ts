/** What is stored is read by two readers, and what is damaged is named. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeCommit } from '../../../../daemon/workspace/objects/commit-format.ts';
import { idOf, type ObjectId, type ObjectSink } from '../../../../daemon/workspace/objects/object.ts';
import { readCommit, readTree } from '../../../../daemon/workspace/objects/object-walk.ts';
import { MissingObject } from '../../../../daemon/workspace/objects/store-errors.ts';
import { encodeTree } from '../../../../daemon/workspace/objects/tree-format.ts';
import { Suspects } from '../../../../daemon/workspace/check/suspects.ts';
import { prune } from '../../../../daemon/workspace/prune/prune.ts';
import { writeRecord } from '../../../../daemon/workspace/engine/records.ts';
import { partsOf } from '../prune/support/prune-rig.ts';
import { CheckRig, SESSION, type Verified } from './support/check-rig.ts';

const before = (turn: number) => `snap/${SESSION}/${turn}-pre`;
const big = () => randomBytes(200_000);
const CLEAN = { problems: [], hurt: [], problemsMore: 0, hurtMore: 0 };

/** What of snapshots cannot be read, by what they are. */
function hurtOf({ hurt }: Verified): Record<string, string[]> {
  return Object.fromEntries(hurt.map(({ what, files, reason }) => [what, reason === '' ? files : [reason]]));
}

describe.each([
  ['an encrypted', true],
  ['a plain', false],
])('%s store', (_, encrypt) => {
  test('that is whole is read to the last object by both readers', async () => {
    const rig = new CheckRig(encrypt);
    const shared = big();
    rig.snapshot(before(1), { 'a.txt': 'a', 'src/b.txt': shared, empty: '' });
    rig.snapshot(before(2), { 'a.txt': 'a', 'src/b.txt': shared, 'src/c.txt': 'c' });
    rig.snapshot('taken/01J00000000000000000000009', {});
    rig.keep(`turn/${SESSION}/1`, (sink) =>
      writeRecord(sink, sink.write('tree', encodeTree([])), 'turn 1', { kind: 'changes', changes: [] }),
    );
    rig.reopen();
    expect(await rig.check()).toMatchObject({
      ...CLEAN,
      directory: rig.directory,
      encrypted: encrypt,
      snapshots: 3,
      records: 1,
      packs: 4,
      // Of the first: 3 files, 2 directories, itself; of the second what is new; the empty tree, and two that have it.
      objects: 6 + 4 + 2 + 1,
      halfRead: 0,
    });
  });

  test('in which a byte of a file was turned names that file and the snapshots that need it', async () => {
    const rig = new CheckRig(encrypt);
    const [one, other] = [big(), big()];
    rig.snapshot(before(1), { 'src/one': one, other });
    rig.snapshot(before(2), { 'src/one': one, 'src/new': big() });
    rig.snapshot(before(3), { other });
    const { pack, at } = rig.placeOf(idOf('blob', one));
    rig.flip(pack, at + 100_000);
    const verified = await rig.check();
    expect(hurtOf(verified)).toEqual({
      'the files before turn 1': ['src/one'],
      'the files before turn 2': ['src/one'],
    });
    expect(verified.hurt[0]).toMatchObject({ sessionId: SESSION, point: { kind: 'turn', turn: 1 }, isReadable: false });
    expect(verified.problems).toEqual([
      expect.stringMatching(`1 of \\d objects in pack ${pack} cannot be read: chunk`),
    ]);
    // The next snapshot brings it again, and then nothing needs the damaged copy.
    rig.snapshot(before(4), { 'src/one': one });
    expect(await rig.check()).toMatchObject({ hurt: [], problems: [expect.stringContaining(pack)] });
  });

  test.each([
    ['the header', 3, 'no file of ours'],
    ['the list', -30, 'does not verify'],
  ])('in which a byte of %s of a pack was turned names all that was in it', async (__, at, reason) => {
    const rig = new CheckRig(encrypt);
    rig.snapshot(before(1), { a: big() });
    rig.snapshot(before(2), { b: big() });
    const { pack } = rig.placeOf(rig.side.refs.get(before(1))!);
    rig.flip(pack, at);
    rig.reopen();
    const verified = await rig.check();
    expect(verified.problems).toEqual([expect.stringMatching(`pack ${pack} cannot be opened: .*${reason}`)]);
    expect(hurtOf(verified)).toEqual({ 'the files before turn 1': [expect.stringContaining('is missing')] });
  });

  test('that was read before is read again from the disk', async () => {
    const rig = new CheckRig(encrypt);
    const content = big();
    rig.snapshot(before(1), { a: content });
    const { pack, at } = rig.placeOf(idOf('blob', content));
    expect(await rig.check()).toMatchObject(CLEAN);
    rig.flip(pack, at);
    expect((await rig.check()).problems).toEqual([expect.stringContaining(`pack ${pack}`)]);
  });

  test('whose list at the end of a pack is damaged while it is open says so, and reads on', async () => {
    const rig = new CheckRig(encrypt);
    const names = Array.from({ length: 3_000 }, (__, index) => [`f${index}`, String(index)] as const);
    rig.snapshot(before(1), Object.fromEntries(names));
    const { pack } = rig.placeOf(rig.side.refs.get(before(1))!);
    rig.flip(pack, -30);
    const problem = expect.stringMatching(`the list at the end of pack ${pack} does not verify`);
    expect(await rig.check()).toMatchObject({ hurt: [], problems: [problem], objects: 3_002 });
  });

  test('with a damaged copy of a directory of which another one is whole names the copy only', async () => {
    const rig = new CheckRig(encrypt);
    const files = { 'd/a': 'a', 'e/big': big() };
    const { tree } = readCommit(rig.side.store, rig.snapshot(before(1), files));
    const [directory] = readTree(rig.side.store, tree);
    const { pack, at } = rig.placeOf(directory!.id);
    rig.flip(pack, at);
    expect(hurtOf(await rig.check())).toEqual({ 'the files before turn 1': ['d/', 'e/big'] });
    rig.snapshot(before(2), files);
    expect(await rig.check()).toMatchObject({
      hurt: [],
      problems: [expect.stringContaining(`3 of 6 objects in pack ${pack}`)],
    });
  });

  test('of which a pack is gone names what was in it', async () => {
    for (const isOpen of [true, false]) {
      const rig = new CheckRig(encrypt);
      const there = big();
      rig.snapshot(before(1), { 'src/there': there });
      rig.snapshot(before(2), { 'src/there': there, new: 'new' });
      rm(rig, rig.placeOf(idOf('blob', there)).pack);
      if (!isOpen) rig.reopen();
      const hurt = hurtOf(await rig.check());
      expect(hurt['the files before turn 1']).toEqual([expect.stringContaining('is missing')]);
      expect(hurt['the files before turn 2']).toEqual(['src/']);
    }
  });

  test('of which a pack was put back is whole again, whether it was gone or could not be opened', async () => {
    const rig = new CheckRig(encrypt);
    rig.snapshot(before(1), { a: big() });
    const { pack } = rig.placeOf(rig.side.refs.get(before(1))!);
    const bytes = readFileSync(join(rig.directory, pack));
    for (const harm of [() => rm(rig, pack), () => rig.flip(pack, 3)]) {
      harm();
      rig.reopen();
      expect((await rig.check()).hurt).toHaveLength(1);
      writeFileSync(join(rig.directory, pack), bytes);
      expect(await rig.check()).toMatchObject(CLEAN);
    }
  });

  test('in which something else stands in the place of a file says so, and nobody waits for it', async () => {
    const rig = new CheckRig(encrypt);
    rig.snapshot(before(1), { a: 'a' });
    const name = (letter: string) => `${letter.repeat(32)}.pack`;
    mkdirSync(join(rig.directory, name('a')));
    symlinkSync('refs', join(rig.directory, name('b')));
    execFileSync('mkfifo', [join(rig.directory, name('c')), join(rig.directory, 'hidden')]);
    rig.reopen();
    expect((await rig.check()).problems.toSorted()).toEqual([
      expect.stringContaining(`pack ${name('b')} cannot be opened: it is a symbolic link`),
      expect.stringContaining(`pack ${name('c')} cannot be opened: it is not a file`),
      expect.stringContaining('(it is not a file): `mctl snapshots prune` makes a new one'),
    ]);
  });

  test('with chunks that were exchanged, doubled, left out or cut off names the snapshot', async () => {
    const chunk = (bytes: Buffer, index: number) => bytes.subarray(56 + index * 65_552, 56 + (index + 1) * 65_552);
    const edits: ((bytes: Buffer) => Buffer)[] = [
      (bytes) =>
        Buffer.concat([bytes.subarray(0, 56), chunk(bytes, 1), chunk(bytes, 0), bytes.subarray(56 + 2 * 65_552)]),
      (bytes) =>
        Buffer.concat([bytes.subarray(0, 56), chunk(bytes, 1), chunk(bytes, 1), bytes.subarray(56 + 2 * 65_552)]),
      (bytes) => Buffer.concat([bytes.subarray(0, 56), bytes.subarray(56 + 65_552)]),
      (bytes) => bytes.subarray(0, 56 + 2 * 65_552),
    ];
    for (const edit of edits) {
      const rig = new CheckRig(encrypt);
      rig.snapshot(before(1), { a: big(), b: 'b' });
      rig.snapshot(before(2), { b: 'b' });
      const { pack } = rig.placeOf(rig.side.refs.get(before(1))!);
      rig.edit(pack, edit);
      for (const again of [false, true]) {
        if (again) rig.reopen();
        const verified = await rig.check();
        expect(Object.keys(hurtOf(verified))).toContain('the files before turn 1');
        expect(verified.problems.join()).toContain(pack);
      }
    }
  });

  test('of which a list beside the packs is damaged names the list, and says that every snapshot is whole', async () => {
    const rig = new CheckRig(encrypt);
    rig.snapshot(before(1), { a: big() });
    rig.snapshot(before(2), { a: 'small' });
    prune(partsOf(rig.side, { expired: [before(1)] })).finish();
    rig.snapshot(before(3), { a: 'other' });
    expect(readdirSync(rig.directory)).toContain('refs');
    for (const [name, words] of [
      ['refs', 'the list of snapshots (the file refs) on the disk is damaged; m still has it in memory'],
      ['restore-journal', 'what is left to do is damaged'],
    ] as const) {
      if (name === 'restore-journal') writeJournal(rig);
      rig.flip(name, 70);
      expect(await rig.check(), name).toMatchObject({ hurt: [], problems: [expect.stringContaining(words)] });
      rig.flip(name, 70);
    }
    expect(await rig.check()).toMatchObject(CLEAN);
    rm(rig, 'refs');
    expect((await rig.check()).problems).toEqual([expect.stringContaining('another one than m works with')]);
    rig.reopen();
    expect((await rig.check()).problems).toEqual([expect.stringContaining('is gone, so nobody knows')]);
  });

  test('of which the list of what is hidden is damaged says how it comes back', async () => {
    const rig = new CheckRig(encrypt);
    hideSome(rig);
    rig.flip('hidden', 60);
    expect((await rig.check()).problems).toEqual([expect.stringContaining('mctl snapshots prune')]);
    rm(rig, 'hidden');
    expect((await rig.check()).problems).toEqual([expect.stringContaining('another one than m works with')]);
    prune(partsOf(rig.side)).finish();
    expect(await rig.check()).toMatchObject(CLEAN);
  });

  test('of which the list of packs that were to go is damaged says that they stay', async () => {
    const rig = new CheckRig(encrypt);
    rig.snapshot(before(1), { a: 'a' });
    writeFileSync(join(rig.directory, 'removal'), 'not ours');
    rig.reopen();
    expect(await rig.check()).toMatchObject({ hurt: [], problems: [expect.stringContaining('(the file removal)')] });
  });

  test('of which what a turn or a restore did cannot be read names the turn or the restore', async () => {
    const rig = new CheckRig(encrypt);
    const id = rig.snapshot(before(1), { a: 'a' });
    const commit = (body: string) => (sink: ObjectSink) =>
      sink.write('commit', encodeCommit({ tree: readCommit(rig.side.store, id).tree, at: 1, subject: 's', body }));
    rig.keep(`turn/${SESSION}/1`, commit('{"version":1,"kind":"snapshot"}'));
    rig.keep(`call/${SESSION}/2/1`, commit('{'));
    rig.keep(`restore/${SESSION}/1`, commit('{"version":99,"kind":"restore"}'));
    rig.keep(`open/${SESSION}/3`, commit('anything'));
    rig.keep(`what/${SESSION}`, commit(''));
    expect(hurtOf(await rig.check())).toEqual({
      'what turn 1 changed (going back past it takes --all)': ['it is not the record that its name promises'],
      'what a call of turn 2 changed (going back past it takes --all)': [
        'what is said about the files is no text of m',
      ],
      'what restore 1 did, and the files before it (it cannot be undone)': [
        'this snapshot was taken by a newer version of m',
      ],
      [`the name what/${SESSION}`]: ['m gives no such name'],
    });
  });
});

describe('the second reader', () => {
  /** Written with the key of the store, and taken by our own reader. */
  function snapshotOf(rig: CheckRig, tree: Buffer): ObjectId {
    return rig.keep(before(2), (sink) => sink.write('commit', commitBytes(sink.write('tree', tree))));
  }

  function commitBytes(tree: ObjectId): Buffer {
    const body = JSON.stringify({ version: 1, kind: 'snapshot', at: 1, skipped: [], remarks: [] });
    return encodeCommit({ tree, at: 1, subject: 's', body });
  }

  function line(mode: string, name: string, id: ObjectId): Buffer {
    return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);
  }

  test('finds a tree that is none for git, although our own reads it', async () => {
    const rig = new CheckRig();
    rig.snapshot(before(1), { a: 'a' });
    const blob = idOf('blob', Buffer.from('a'));
    const commit = snapshotOf(rig, line('0100644', 'a', blob));
    const { store } = rig.side;
    expect(readTree(store, readCommit(store, commit).tree)).toEqual([{ name: 'a', mode: 0o100644, id: blob }]);
    expect(store.verify({ aborted: false }).damage).toEqual([]);
    const verified = await rig.check();
    expect(verified.problems).toEqual([expect.stringMatching(/isomorphic-git does not read.*0100644/)]);
    expect(verified.hurt).toMatchObject([{ what: 'the files before turn 2', isReadable: true, files: ['/'] }]);
  });

  test('is not what finds a file that is a directory: that can be brought back by nobody', async () => {
    const rig = new CheckRig();
    const first = rig.snapshot(before(1), { 'src/a': 'a' });
    const { tree } = readCommit(rig.side.store, first);
    snapshotOf(rig, Buffer.concat([line('100644', 'file', tree), line('40000', 'x', idOf('blob', Buffer.from('a')))]));
    const { hurt } = await rig.check();
    expect(hurt).toMatchObject([{ what: 'the files before turn 1' }, { files: ['file', 'x/'], isReadable: false }]);
  });

  test('takes names that only other systems would mind by their bytes', async () => {
    const rig = new CheckRig();
    rig.snapshot(before(1), { 'a\\b': 'a', 'git~1': 'b', 'd/C:\\x': 'c', 'fine/\xff': 'd' });
    expect(await rig.check()).toMatchObject({ ...CLEAN, halfRead: 2 });
  });

  test('reads every name of a list that is long', async () => {
    const rig = new CheckRig();
    const id = rig.snapshot(before(1), { a: 'a' });
    rig.side.rename(Array.from({ length: 350 }, (_, turn) => ({ name: before(turn + 2), id })));
    expect(await rig.check()).toMatchObject({ ...CLEAN, snapshots: 351 });
  });
});

describe('between any two slices', () => {
  const files = (own: Buffer) => ({ 'd/own': own, text: 'the same'.repeat(1000) });

  test('a snapshot may come, and snapshots may go with all that only they need, and nothing is found', async () => {
    let at = 1;
    for (let isOver = false; !isOver; at += 2) {
      const rig = new CheckRig(false);
      const [a, b] = [randomBytes(9000), randomBytes(9000)];
      rig.snapshot(before(1), files(a));
      rig.snapshot(before(2), files(b));
      rig.snapshot(before(3), { ...files(b), more: randomBytes(9000) });
      isOver = true;
      const verified = await rig.check((slice) => {
        if (slice !== at) return;
        isOver = false;
        prune(partsOf(rig.side, { expired: [before(1), before(2)], thorough: true })).finish();
        rig.snapshot(before(4), files(a));
      });
      expect(verified, `after ${at} slices`).toMatchObject(CLEAN);
    }
    expect(at).toBeGreaterThan(15);
  });

  test('clearing up may go on, slice by slice, and nothing is found', async () => {
    for (let ahead = 0; ahead < 12; ahead += 1) {
      const rig = new CheckRig();
      for (let turn = 1; turn <= 4; turn += 1) rig.snapshot(before(turn), files(randomBytes(9000)));
      const run = prune(partsOf(rig.side, { expired: [before(1), before(3)], thorough: true }), 0);
      let done = false;
      const verified = await rig.check((slice) => {
        if (slice > ahead && !done) done = run.step() !== undefined;
      });
      expect(verified, `${ahead} slices ahead`).toMatchObject(CLEAN);
    }
  });

  test('snapshots that go are not taken for hurt while it is found out which are', async () => {
    let at = 1;
    for (let isOver = false; !isOver; at += 2) {
      const rig = new CheckRig(false);
      const hurt = big();
      rig.snapshot(before(1), files(randomBytes(9000)));
      rig.snapshot(before(2), { hurt, 'd/e/f': 'f' });
      rig.snapshot(before(3), files(randomBytes(9000)));
      const { pack, at: place } = rig.placeOf(idOf('blob', hurt));
      rig.flip(pack, place);
      isOver = true;
      const verified = await rig.check((slice) => {
        if (slice !== at) return;
        isOver = false;
        prune(partsOf(rig.side, { expired: [before(1), before(3)], thorough: true })).finish();
      });
      expect(hurtOf(verified), `after ${at} slices`).toEqual({ 'the files before turn 2': ['hurt'] });
    }
  });

  test('what was missing may be brought again, and is found no more', async () => {
    const rig = new CheckRig();
    const lost = big();
    rig.snapshot(before(1), { lost });
    rig.snapshot(before(2), { new: 'new' });
    const { pack, at } = rig.placeOf(idOf('blob', lost));
    rig.flip(pack, at);
    const verified = await rig.check((slice) => {
      if (slice === 10) rig.snapshot(before(3), { lost });
    });
    expect(verified.hurt).toEqual([]);
    expect(verified.problems).toEqual([expect.stringContaining(pack)]);
  });
});

test('what was missing is suspected until it is there again', () => {
  const { store } = new CheckRig().side;
  const suspects = new Suspects(store);
  const id = idOf('blob', Buffer.from('late'));
  expect(suspects.isHurt(id)).toBe(false);
  suspects.addDamage(id, new MissingObject(id, 0));
  expect([suspects.isHurt(id), suspects.reasonOf(id)]).toEqual([true, 'it is missing']);
  const batch = store.begin('fast');
  batch.write('blob', Buffer.from('late'));
  batch.commit();
  expect([suspects.isHurt(id), suspects.size]).toEqual([false, 0]);
  suspects.addWrong(id, 'why');
  expect(suspects.isHurt(id)).toBe(true);
  expect(() => suspects.addDamage(id, new TypeError('a bug'))).toThrow('a bug');
});

test('a check of a thousand hurt files names the first of them and counts the others', async () => {
  const rig = new CheckRig();
  const names = Array.from({ length: 1000 }, (_, index) => [`f${index}`, randomBytes(400)] as const);
  rig.snapshot(before(1), Object.fromEntries(names));
  const { pack, at } = rig.placeOf(idOf('blob', names[0]![1]));
  for (let chunk = 0; chunk < 5; chunk += 1) rig.flip(pack, at + 100 + chunk * 65_552);
  const { hurt } = await rig.check();
  expect(hurt).toMatchObject([{ files: { length: 5 }, filesInAll: expect.any(Number) }]);
  expect(hurt[0]?.filesInAll).toBeGreaterThan(700);
});

function rm(rig: CheckRig, name: string): void {
  rmSync(join(rig.directory, name));
}

function writeJournal({ side }: CheckRig): void {
  const order = { sessionId: SESSION } as never;
  side.journal.begin({ order, mark: 'm', writes: [], deletes: [], directories: [] });
}

/** Packs of which more than half is needed stay, and what is not needed in them is hidden. */
function hideSome(rig: CheckRig): void {
  const shared = { a: big(), b: big() };
  rig.snapshot(before(1), { ...shared, c: 'c' });
  rig.snapshot(before(2), shared);
  prune(partsOf(rig.side, { expired: [before(1)] })).finish();
  expect(readdirSync(rig.directory)).toContain('hidden');
}
