import { expect, test } from 'vitest';
import { decodeCommit, encodeCommit } from '../../../../daemon/workspace/objects/commit-format.ts';
import { EMPTY_TREE } from '../../../../daemon/workspace/objects/object.ts';

test.each(['', '{"turn":1}', 'two\n\nlines\n', '\n', 'ü 🙂 \u2028', '-----BEGIN PGP SIGNATURE-----'])(
  'a commit gives back its text: %j',
  (body) => {
    const commit = { tree: EMPTY_TREE, at: 1_700_000_000, subject: 'snapshot ü', body };
    expect(decodeCommit(encodeCommit(commit))).toEqual(commit);
  },
);

test('a commit has no parents and one author, in UTC', () => {
  const bytes = encodeCommit({ tree: EMPTY_TREE, at: 0, subject: 's', body: 'b' });
  expect(bytes.toString()).toBe(
    `tree ${EMPTY_TREE}\nauthor m <m@localhost> 0 +0000\ncommitter m <m@localhost> 0 +0000\n\ns\n\nb`,
  );
});

test('what a commit cannot carry is refused', () => {
  const commit = { tree: EMPTY_TREE, at: 1, subject: 's', body: 'b' };
  for (const wrong of [{ at: -1 }, { at: 1.5 }, { subject: 'a\nb' }, { subject: 'a\0' }, { body: '\0' }]) {
    expect(() => encodeCommit({ ...commit, ...wrong })).toThrow(RangeError);
  }
  for (const text of ['', 'tree', `tree ${EMPTY_TREE}\nparent ${EMPTY_TREE}\n\nx\n`]) {
    expect(() => decodeCommit(Buffer.from(text))).toThrow(RangeError);
  }
});
