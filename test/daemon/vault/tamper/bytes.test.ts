/** Every byte of every kind of encrypted record flipped, and records that are too short or of another format or epoch. */
import type Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProtocolError } from '../../../../protocol/errors.ts';
import { temporaryDirectory } from '../../../support/direct-vault.ts';
import { makeSample, problemsOf, type Sample } from '../../../support/tamper-sample.ts';
import { TamperedStore, type Ask } from '../../../support/tampered-store.ts';

const directory = temporaryDirectory();
let sample: Sample;
let store: TamperedStore;

beforeAll(async () => {
  sample = await makeSample(directory.path);
  store = new TamperedStore(directory.path);
});

afterAll(() => {
  store.close();
  directory.remove();
});

interface Kind {
  readonly what: string;
  /** Table, column, and which row. */
  readonly place: readonly [table: string, column: string, where: string];
  /** What a person does that shows it; it has to be refused, or to say that it is damaged. */
  readonly show: (ask: Ask) => unknown;
}

const DAMAGED = /damaged|"body":null|"workspace":""/;

function kinds(): Kind[] {
  const { parent, queued, running, whole, operation, archived } = sample;
  const stretches = (ask: Ask): unknown => ask('readOutput', parent, 'call 1', 0, 100);
  const number = (id: string): string => `(SELECT number FROM session WHERE id = '${id}')`;
  const read = (ask: Ask): unknown => ask('read', { sessionId: parent, after: 0, limit: 100, maxBytes: 1e9 });
  const list = (ask: Ask): unknown => ask('list', { archived: 'exclude', limit: 100 });
  const segment = `(SELECT min(segment) FROM segment_use WHERE kind = 's' AND holder = ${number(parent)})`;
  return [
    { what: 'an entry', place: ['entry', 'body', `segment = ${segment} AND seq = 2`], show: read },
    { what: 'the key of a segment', place: ['segment', 'key', `id = ${segment}`], show: read },
    { what: 'the chain of a segment', place: ['segment', 'chain', `id = ${segment}`], show: read },
    { what: 'a head', place: ['session', 'details', `id = '${parent}'`], show: list },
    { what: 'the key of a session', place: ['session', 'key', `id = '${parent}'`], show: list },
    { what: 'the chain in a head', place: ['session', 'chain', `id = '${parent}'`], show: list },
    { what: 'a save', place: ['save', 'details', 'number = 1'], show: (ask) => ask('listSaves', 10, 0) },
    { what: 'the key of a save', place: ['save', 'key', 'number = 1'], show: (ask) => ask('listSaves', 10, 0) },
    { what: 'a provider key', place: ['secret', 'body', 'id = 1'], show: (ask) => ask('secret', 'anthropic') },
    {
      what: 'a draft',
      place: ['draft', 'body', `session = ${number(running)} AND chunk = 2`],
      show: (ask) => ask('readDrafts', running),
    },
    {
      what: 'a prompt that waits',
      place: ['queued', 'body', `session = ${number(queued)} AND turn = 2`],
      show: (ask) => ask('readQueue', queued),
    },
    {
      what: 'a directory',
      place: ['workspace', 'path', `id = (SELECT workspace FROM session WHERE id = '${whole}')`],
      show: (ask) => ask('head', whole),
    },
    { what: 'a stretch of output', place: ['output', 'body', "call = 'call 1' AND stretch = 1"], show: stretches },
    {
      what: 'the environment of a session',
      place: ['environment', 'body', `session = ${number(parent)}`],
      show: (ask) => ask('environment', parent),
    },
    {
      what: 'the record of a process',
      place: ['process', 'body', "call = 'call 5'"],
      show: (ask) => leftOut(ask('processes'), 2),
    },
    {
      what: 'an approval in a session',
      place: ['rule', 'body', `session = ${number(parent)}`],
      show: (ask) => leftOut(ask('rules'), 4),
    },
    {
      what: 'an approval of no session',
      place: ['rule', 'body', 'session IS NULL AND id > 1'],
      show: (ask) => leftOut(ask('rules', '/unused'), 1),
    },
    {
      what: 'the key of a workspace',
      place: ['workspace_key', 'key', 'workspace = (SELECT min(workspace) FROM workspace_key)'],
      show: (ask) => ask('workspaceKey', '/w').id,
    },
    { what: 'a typed line', place: ['history', 'body', 'id = 1'], show: (ask) => ask('history', 10) },
    {
      what: 'the answer of an operation',
      place: ['operation', 'body', `op = '${operation}'`],
      show: (ask) => ask('setFlag', operation, archived, 'archived', true),
    },
  ];
}

/** What allows or ends something is left out of its list when it does not verify. */
function leftOut(list: readonly unknown[], were: number): string {
  return list.length === were - 1 ? 'damaged' : JSON.stringify(list);
}

/** What is seen of a record that was replaced, and what a check of the whole store finds. */
function seenAs(kind: Kind, record: Buffer): { shown: string; problems: string[] } {
  const [table, column, where] = kind.place;
  const change = (db: Database.Database): void => {
    db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(record);
  };
  return store.after(change, (ask) => {
    let shown: string;
    try {
      shown = JSON.stringify(kind.show(ask));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      shown = error.kind === 'TAMPERED' ? 'damaged' : error.message;
    }
    return { shown, problems: problemsOf(ask) };
  });
}

function recordOf({ place: [table, column, where] }: Kind): Buffer {
  const record = store.db.prepare<[], Buffer>(`SELECT ${column} FROM ${table} WHERE ${where}`).pluck().get();
  if (record === undefined) throw new Error(`no ${table} where ${where}`);
  return record;
}

test('says so for each byte that is flipped of every kind of record', { timeout: 300_000 }, () => {
  const silent: string[] = [];
  for (const kind of kinds()) {
    const record = recordOf(kind);
    for (let index = 0; index < record.length; index += 1) {
      const flipped = Buffer.from(record);
      flipped[index] = (flipped[index] ?? 0) ^ (1 << (index % 8));
      const { shown, problems } = seenAs(kind, flipped);
      if (!DAMAGED.test(shown)) silent.push(`${kind.what}, byte ${index}: ${shown}`);
      if (problems.length === 0) silent.push(`${kind.what}, byte ${index}: not found by a check`);
    }
  }
  expect(silent).toEqual([]);
});

/** Where the parts of a record begin: version, algorithm, key epoch, nonce. */
const FORMATS: readonly (readonly [what: string, forge: (record: Buffer) => Buffer])[] = [
  ['a tag of four bytes', (record) => record.subarray(0, -12)],
  ['no tag', (record) => record.subarray(0, -16)],
  ['another version', (record) => Buffer.concat([Buffer.from([2]), record.subarray(1)])],
  ['another algorithm', (record) => Buffer.concat([record.subarray(0, 1), Buffer.from([2]), record.subarray(2)])],
  [
    'another key epoch',
    (record) => Buffer.concat([record.subarray(0, 2), Buffer.from([0, 0, 0, 2]), record.subarray(6)]),
  ],
  ['nothing', () => Buffer.alloc(0)],
  ['more at its end', (record) => Buffer.concat([record, Buffer.from([0])])],
];

test.each(FORMATS)('refuses records with %s', (_what, forge) => {
  // A chain is a hash, not a record.
  for (const kind of kinds().filter(({ what }) => !what.includes('chain'))) {
    const { shown, problems } = seenAs(kind, forge(recordOf(kind)));
    expect([kind.what, shown]).toEqual([kind.what, expect.stringMatching(DAMAGED)]);
    expect([kind.what, problems]).not.toEqual([kind.what, []]);
  }
});

test('leaves everything else readable, and gives each finding in words', () => {
  for (const kind of kinds().filter(({ what }) => what !== 'a directory')) {
    const [table, column, where] = kind.place;
    store.after(
      (db) => db.prepare(`UPDATE ${table} SET ${column} = zeroblob(50) WHERE ${where}`).run(),
      (ask) => {
        expect(ask('verify', sample.whole)).toEqual({ entries: 4, problems: [] });
        expect(ask('read', { sessionId: sample.whole, after: 0, limit: 9, maxBytes: 1e9 }).entries).toHaveLength(4);
        for (const problem of problemsOf(ask)) expect(problem).toMatch(/^[\p{L}\d][\p{L}\d ,.:;'’()-]+$/u);
      },
    );
  }
});
