import { describe, expect, test } from 'vitest';
import {
  chooseSnapshots,
  type Protections,
  type RetainedKind,
  type RetainedName,
} from '../../../daemon/domain/snapshot-retention.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2026, 10, 20);
const NONE: Protections = { pinned: new Set(), live: new Set(), saves: [] };
const WEEK = { now: NOW, seen: NOW - DAY, maxAge: 7 * DAY };

/** @param days ago. */
function turn(session: string, number: number, days: number, kind: RetainedKind = 'snap'): RetainedName {
  return { name: `${kind}/${session}/${number}`, kind, session, number, at: NOW - days * DAY };
}

function taken(id: string, days: number): RetainedName {
  return { name: `taken/${id}`, kind: 'taken', session: undefined, number: 0, at: NOW - days * DAY };
}

/** The names that go, and those that may, newest first. */
function chosen(
  names: readonly RetainedName[],
  protections: Partial<Protections> = {},
  times: Partial<typeof WEEK> = {},
) {
  const { expired, spare } = chooseSnapshots(names, { ...NONE, ...protections }, { ...WEEK, ...times });
  return { expired: expired.map(({ name }) => name), spare: spare.map((unit) => unit.map(({ name }) => name)) };
}

describe('by age', () => {
  test('what is older than the limit goes, the rest may when there is no room, newest first', () => {
    const names = [turn('a', 1, 9), turn('a', 2, 6), turn('b', 1, 2), taken('x', 8), taken('y', 3)];
    expect(chosen(names)).toEqual({
      expired: ['taken/x', 'snap/a/1'],
      spare: [['snap/b/1'], ['taken/y'], ['snap/a/2']],
    });
  });

  test('all that belongs to a turn goes together, when the newest of it is too old', () => {
    const before = { ...turn('a', 1, 8), name: 'snap/a/1-pre' };
    const after = { ...turn('a', 1, 6.9), name: 'snap/a/1-post' };
    const changes = turn('a', 1, 7.5, 'call');
    expect(chosen([before, after, changes]).spare).toEqual([[before.name, after.name, changes.name]]);
    const old = { ...after, at: before.at };
    expect(chosen([before, old, changes]).expired).toEqual([before.name, old.name, changes.name]);
  });

  test('what cannot be read has no time, and goes with the one before it', () => {
    const unreadable = { ...turn('a', 2, 0), at: Infinity };
    expect(chosen([turn('a', 1, 8), unreadable]).expired).toEqual(['snap/a/1', 'snap/a/2']);
    expect(chosen([turn('a', 1, 6), unreadable]).expired).toEqual([]);
    expect(chosen([unreadable]).expired).toEqual([]);
  });
});

describe('however old it is', () => {
  const names = [turn('a', 9, 99), turn('a', 10, 98), turn('a', 11, 97, 'call'), turn('b', 1, 99)];

  test('a pinned session loses nothing', () => {
    expect(chosen(names, { pinned: new Set(['a']) })).toEqual({ expired: ['snap/b/1'], spare: [] });
  });

  test('a session that is there keeps the files of the newest turn that has any', () => {
    const { expired } = chosen(names, { live: new Set(['a', 'b']) });
    expect(expired).toEqual(['snap/a/9']);
  });

  test('a save keeps the files of its turn', () => {
    expect(chosen(names, { saves: [{ session: 'a', turn: 9 }] }).expired).not.toContain('snap/a/9');
    expect(chosen([turn('a', 9, 99, 'restore')], { saves: [{ session: 'a', turn: 9 }] }).expired).toHaveLength(1);
  });

  test('what turns changed since one that stays is kept with it, of that session', () => {
    const changes = [1, 2, 3].map((number) => turn('a', number, 90, 'call'));
    const snapshots = [1, 2, 3].map((number) => turn('a', number, 90));
    const other = [turn('b', 3, 90), turn('b', 3, 90, 'call')];
    const all = [...changes, ...snapshots, ...other];
    const saves = [{ session: 'a', turn: 2 }];
    expect(chosen(all, { saves }).expired.toSorted()).toEqual([
      'call/a/1',
      'call/b/3',
      'snap/a/1',
      'snap/a/3',
      'snap/b/3',
    ]);
    expect(chosen(all, { saves }, { maxAge: 99 * DAY }).spare).toContainEqual(['snap/a/3']);
  });

  test('the files from before the last restore of a session stay, those from before an earlier one do not', () => {
    const restores = [turn('a', 2, 50, 'restore'), turn('a', 1, 60, 'restore'), turn('b', 1, 50, 'restore')];
    const { expired } = chosen([...restores, ...names], { live: new Set(['a']) });
    expect(expired).toEqual(expect.arrayContaining(['restore/a/1', 'restore/b/1', 'snap/a/9']));
    expect(expired).not.toContain('restore/a/2');
  });
});

describe('case 64: a clock', () => {
  const recent = [turn('a', 1, 3), turn('a', 2, 1), turn('b', 1, 0)];

  test('that is behind all snapshots lets nothing go, and one that is a little behind nothing that is recent', () => {
    for (const days of [-14_000, -30, -2, -0.01]) {
      expect(chosen(recent, {}, { now: NOW + days * DAY }).expired, `${days}`).toEqual([]);
    }
    expect(chosen([...recent, turn('c', 1, 40)], {}, { now: NOW - 2 * DAY }).expired).toEqual(['snap/c/1']);
  });

  test('that is set back does not give what is recent the age of the turn before it', () => {
    const names = [turn('a', 1, 30), turn('a', 2, 0.1), turn('a', 3, 0), turn('b', 1, 0.1)];
    const { expired } = chosen(names, {}, { now: NOW - 22 * DAY, seen: NOW });
    expect(expired).toEqual(['snap/a/1']);
    // The next turn is captured under that clock.
    const later = [...names, turn('a', 4, 21.9)];
    expect(chosen(later, {}, { now: NOW - 21 * DAY, seen: NOW - 22 * DAY }).expired).toEqual(['snap/a/1']);
  });

  test('that jumps years ahead is believed the second time', () => {
    const later = NOW + 3650 * DAY;
    expect(chosen(recent, {}, { now: later }).expired).toEqual([]);
    expect(chosen([...recent, turn('c', 1, 40)], {}, { now: later }).expired).toEqual(['snap/c/1']);
    expect(chosen(recent, {}, { now: later + DAY, seen: later }).expired).toHaveLength(3);
  });

  test('that nobody has looked at before is compared with the newest snapshot', () => {
    const times = { now: NOW + 31 * DAY, maxAge: 7 * DAY, seen: undefined };
    const choose = (now: number) => chooseSnapshots(recent, NONE, { ...times, now }).expired.length;
    expect(choose(NOW + 31 * DAY)).toBe(0);
    expect(choose(NOW + 29 * DAY)).toBe(3);
    expect(chooseSnapshots([], NONE, times)).toEqual({ expired: [], spare: [] });
  });

  test('that was set back for a turn does not make it older than the one before', () => {
    const session = [turn('a', 1, 2), turn('a', 2, 20_000), turn('a', 3, 1)];
    expect(chosen(session)).toEqual({ expired: [], spare: [['snap/a/3'], ['snap/a/1'], ['snap/a/2']] });
  });

  test('that was ahead for a turn does not keep it longer than the one before', () => {
    const session = [turn('a', 1, 9), turn('a', 2, -3650), turn('a', 3, 8), turn('b', 1, -3650)];
    expect(chosen(session)).toEqual({ expired: ['snap/a/1', 'snap/a/2', 'snap/a/3'], spare: [['snap/b/1']] });
  });
});
