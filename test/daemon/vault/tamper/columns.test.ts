/** Every column of every table, changed in every way its type allows: nothing false is shown, and a check finds it. */
import type Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../support/direct-vault.ts';
import { makeSample, problemsOf, view, type Sample, type View } from '../../../support/tamper-sample.ts';
import { TamperedStore } from '../../../support/tampered-store.ts';

const directory = temporaryDirectory();
let sample: Sample;
let store: TamperedStore;
let before: View;

beforeAll(async () => {
  sample = await makeSample(directory.path);
  store = new TamperedStore(directory.path);
  before = store.after(
    () => undefined,
    (ask) => view(ask, sample),
  );
});

afterAll(() => {
  store.close();
  directory.remove();
});

/** Columns that nothing is decided by, with what makes that so. A change of them may go unnoticed. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  'segment.epoch': 'the epoch in the header of each record is what counts',
  'entry.id': 'the order of rows is that of `seq`',
  'output.id': 'the order of stretches is that of their first bytes',
  'segment_use.ordinal': 'only the order counts, and every part says where it begins',
  'meta.value': 'the id of the store is bound in every record; the rest are a time and the generation of cursors',
  'meta.name': 'as its value',
  'key_slot.created_at': 'for whoever looks at the file',
};

/** Tables that are read when the store is opened; the tests of key slots are elsewhere. */
const NOT_HERE = ['meta', 'key_slot'];

function columns(db: Database.Database): { table: string; column: string; keys: string[] }[] {
  const tables = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all();
  return tables
    .filter((table) => !NOT_HERE.includes(table))
    .flatMap((table) => {
      const info = db
        .prepare<[], { name: string; pk: number }>(`SELECT name, pk FROM pragma_table_info('${table}')`)
        .all();
      const keys = info.filter(({ pk }) => pk > 0).map(({ name }) => name);
      return info.map(({ name }) => ({ table, column: name, keys }));
    });
}

/** What somebody may put in the place of a value. */
function replacements(value: unknown, others: readonly unknown[]): unknown[] {
  const odd: unknown[] = [null, 'x'];
  if (typeof value === 'bigint') odd.push(-1, 0, 1, value + 1n, Number(value) + 0.5, 2n ** 53n, Buffer.from([1]));
  else if (Buffer.isBuffer(value)) odd.push(Buffer.alloc(0), value.subarray(0, -12), value.toString('latin1'));
  else odd.push('', 1, Buffer.from(String(value)));
  return [...odd, ...others].filter((one) => !isSame(one, value));
}

function isSame(left: unknown, right: unknown): boolean {
  if (Buffer.isBuffer(left) && Buffer.isBuffer(right)) return left.equals(right);
  if (typeof left === 'number' && typeof right === 'bigint')
    return BigInt(Math.trunc(left)) === right && Number.isInteger(left);
  return left === right;
}

/** Whether what is seen in one place is what was written, or says itself that it is not. */
function isHonest(place: string, seen: unknown): boolean {
  const written = before.get(place);
  if (seen === 'TAMPERED' || seen === 'NOT_FOUND') return true;
  // Damaged sessions are in every list: what would leave them out cannot be believed.
  if (place.startsWith('how many')) return Number(seen) >= Number(written);
  const said = JSON.stringify(seen);
  // An empty path is shown as damaged.
  if (said.includes('damaged') || said.includes('"workspace":""')) return true;
  if (place.startsWith('drafts')) return isBeginning(seen, written);
  // The end of an output may be lost too; whoever reads the result of its call can tell.
  if (place.startsWith('output') && typeof seen === 'string') return String(written).startsWith(seen);
  return said === JSON.stringify(written) || isHonestPart(seen, written);
}

/** The end of a draft may be lost, as in a crash; nothing else may be. */
function isBeginning(seen: unknown, written: unknown): boolean {
  const [now, then] = [seen as { text: string }[], written as { text: string }[]];
  return now.every(({ text }, index) => then[index]?.text.startsWith(text) === true);
}

/** A queue in which what is not as it was written has no body. */
function isHonestPart(seen: unknown, written: unknown): boolean {
  if (!Array.isArray(seen) || !Array.isArray(written)) return false;
  const known = new Set(written.map((one) => JSON.stringify(one)));
  return seen.every((one: { body?: unknown }) => one.body === null || known.has(JSON.stringify(one)));
}

interface Finding {
  readonly change: string;
  readonly silent: string[];
  readonly reported: boolean;
}

function tryChange(table: string, column: string, row: bigint | string, value: unknown): Finding | undefined {
  const change = `${table}.${column} of ${row} = ${Buffer.isBuffer(value) ? `${value.length} bytes` : String(value)}`;
  const apply = (db: Database.Database): void => {
    db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${row}`).run(value);
  };
  try {
    return store.after(apply, (ask) => {
      const seen = view(ask, sample);
      const silent = [...seen].filter(([place, what]) => !isHonest(place, what)).map(([place]) => place);
      return { change, silent, reported: problemsOf(ask).length > 0 };
    });
  } catch (error) {
    // The database itself does not take it.
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_CONSTRAINT'))
      return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_MISMATCH') return undefined;
    throw new Error(change, { cause: error });
  }
}

test('nothing is wrong with it before', () => {
  expect(store.after(() => undefined, problemsOf)).toEqual([]);
  expect([...before.values()].filter((what) => what === 'TAMPERED' || what === 'NOT_FOUND')).toEqual([]);
});

test('a column that is changed is never shown as genuine, and is found by a check', { timeout: 300_000 }, () => {
  const silent: Finding[] = [];
  const unreported: string[] = [];
  let tried = 0;
  for (const { table, column, keys } of columns(store.db)) {
    const rows = store.db.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table}`).safeIntegers().all();
    const values = rows.map((row) => row[column]);
    for (const row of pick(rows)) {
      const where = keys.map((key) => `${key} = ${literal(row[key])}`).join(' AND ');
      for (const value of replacements(row[column], values.slice(0, 2))) {
        const finding = tryChange(table, column, where, value);
        if (finding === undefined) continue;
        tried += 1;
        if (finding.silent.length > 0) silent.push(finding);
        if (!finding.reported && !isEquivalent(table, column, row)) unreported.push(finding.change);
      }
    }
  }
  process.stdout.write(`tamper: ${tried} changes of columns\n`);
  expect({ silent, unreported }).toEqual({ silent: [], unreported: [] });
  expect(tried).toBeGreaterThan(500);
});

/** The first and one behind the middle. */
function pick<T>(rows: readonly T[]): T[] {
  return [...new Set([rows[0], rows[Math.ceil(rows.length / 2)]])].filter((row) => row !== undefined);
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** Whether a change means nothing. */
function isEquivalent(table: string, column: string, row: Record<string, unknown>): boolean {
  if (`${table}.${column}` in UNTRUSTED) return true;
  // The end of a part that still grows is kept in the head of its session.
  const isEnd = table === 'segment' && (column === 'last_seq' || column === 'chain');
  return isEnd && Number(row['last_seq']) < Number(row['first_seq']);
}
