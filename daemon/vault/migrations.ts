/** Numbered changes of the schema. Each runs once, in a transaction, after a backup of what was there before. */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Db } from './database.ts';

/** In order; the number of a migration is its position, from 1. Never change one that was released. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta(
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE key_slot(
    provider TEXT PRIMARY KEY,
    key_id TEXT NOT NULL,
    parameters TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    commitment BLOB NOT NULL,
    created_at INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- The path of a workspace is stored once, encrypted; sessions name its random number.
  CREATE TABLE workspace(
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL
  );

  CREATE TABLE session(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace INTEGER NOT NULL REFERENCES workspace(id),
    key BLOB NOT NULL,
    status INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    parent_id TEXT,
    parent_turn INTEGER NOT NULL,
    -- Head of the segment that grows: kept here, so that an append changes one row besides its own.
    open_segment INTEGER,
    chain BLOB NOT NULL,
    -- Title and model, encrypted; the tag covers every column above.
    details BLOB NOT NULL
  );

  -- A run of one log with a key of its own. Last sequence and chain are filled in when it is complete.
  CREATE TABLE segment(
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    key BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    chain BLOB NOT NULL
  );

  -- Which segments a session ('s') or a save ('v') is made of, in order, each up to a sequence.
  CREATE TABLE segment_use(
    kind TEXT NOT NULL,
    holder INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    segment INTEGER NOT NULL REFERENCES segment(id),
    up_to INTEGER,
    PRIMARY KEY(kind, holder, ordinal)
  ) WITHOUT ROWID;
  CREATE INDEX segment_use_by_segment ON segment_use(segment);

  -- Append order is the primary key: clustering by session would split pages in the middle of the tree.
  CREATE TABLE entry(
    id INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    at INTEGER NOT NULL,
    op TEXT,
    body BLOB NOT NULL,
    UNIQUE(segment, seq)
  );
  CREATE UNIQUE INDEX entry_op ON entry(op) WHERE op IS NOT NULL;

  CREATE TABLE draft(
    session INTEGER NOT NULL REFERENCES session(number) ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    step INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY(session, turn, step, chunk)
  );

  -- Accepted prompts that wait for their turn. They join the log when it starts, so a log is in the order of its turns.
  CREATE TABLE queued(
    session INTEGER NOT NULL REFERENCES session(number) ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    op TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY(session, turn)
  );

  CREATE TABLE save(
    number INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    key BLOB NOT NULL,
    details BLOB NOT NULL,
    turn INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    workspace INTEGER NOT NULL REFERENCES workspace(id),
    created_at INTEGER NOT NULL
  );
  CREATE INDEX save_by_session ON save(session_id);

  CREATE TABLE secret(
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
  );

  CREATE TABLE history(
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
  );

  -- Answers of operations that append no entry, so that a retry gets the first answer again.
  CREATE TABLE operation(
    op TEXT PRIMARY KEY,
    body BLOB NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  -- The session that a line was typed in, whose key it is sealed with. Null for lines that were typed in none, and for those
  -- from before this was known: they go with the next session that is deleted, as nobody can say that they are not its own.
  ALTER TABLE history ADD COLUMN session INTEGER REFERENCES session(number) ON DELETE CASCADE;
  `,
  `
  -- What calls wrote, in stretches, under the key of the segment that grew meanwhile. A stretch stands behind the entry
  -- that was the last when it came, and is shared and erased with it.
  CREATE TABLE output(
    id INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    call TEXT NOT NULL,
    stretch INTEGER NOT NULL,
    first_byte INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL
  );
  CREATE UNIQUE INDEX output_in_order ON output(segment, call, first_byte, stretch);

  CREATE TABLE environment(
    session INTEGER PRIMARY KEY REFERENCES session(number) ON DELETE CASCADE,
    body BLOB NOT NULL
  );

  CREATE TABLE process(
    call TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    body BLOB NOT NULL
  ) WITHOUT ROWID;

  -- A rule is looked for by its workspace, or by a keyed hash of all that it says, so that the same one is there once.
  CREATE TABLE rule(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace INTEGER NOT NULL REFERENCES workspace(id),
    session INTEGER REFERENCES session(number) ON DELETE CASCADE,
    mark BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL
  );
  CREATE INDEX rule_by_workspace ON rule(workspace);
  CREATE INDEX rule_by_session ON rule(session) WHERE session IS NOT NULL;
  `,
  `
  -- The key of the snapshots of a workspace, and the random name of the directory they are in. It stays when no session is
  -- left there, and keeps the row of its workspace, because what it opens is on the disk all the same.
  CREATE TABLE workspace_key(
    workspace INTEGER PRIMARY KEY REFERENCES workspace(id),
    directory TEXT NOT NULL UNIQUE,
    key BLOB NOT NULL
  );
  `,
];

/** Whether a database has to be changed before it can be used. */
export function isBehind(db: Db): boolean {
  return versionOf(db) < MIGRATIONS.length;
}

function versionOf(db: Db): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/**
 * Brings a database to the newest schema.
 *
 * @param backupDirectory where a copy is put before a database with content is changed.
 * @param migrations for tests of the mechanism itself.
 * @returns the path of the backup, if one was made.
 * @throws ProtocolError STORE_TOO_NEW when a newer release wrote the file.
 */
export function migrate(
  db: Db,
  backupDirectory: string,
  migrations: readonly string[] = MIGRATIONS,
): string | undefined {
  const current = versionOf(db);
  if (current > migrations.length) {
    throw new ProtocolError(
      'STORE_TOO_NEW',
      `the store was written by a newer release (schema ${current}; this one knows ${migrations.length})`,
      { hint: 'Install the newer release again, or point M_DATA_DIR to another directory. Nothing was changed.' },
    );
  }
  if (current === migrations.length) return undefined;
  const backup = current > 0 ? backUp(db, backupDirectory, current) : undefined;
  for (let version = current; version < migrations.length; version += 1) {
    const statements = migrations[version] ?? '';
    db.transaction(() => {
      db.exec(statements);
      db.pragma(`user_version = ${version + 1}`);
    }).immediate();
  }
  return backup;
}

/** A consistent copy through SQLite itself: the files must not be opened by other means while the database is open. */
function backUp(db: Db, directory: string, version: number): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const file = join(directory, `schema-${version}-${stamp}.db`);
  db.prepare('VACUUM INTO ?').run(file);
  chmodSync(file, 0o600);
  const descriptor = openSync(file, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
  return file;
}

/** Backups made before migrations, oldest first, with the time they were made in milliseconds since the epoch. */
export function listBackups(directory: string): { file: string; at: number }[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.startsWith('schema-') && name.endsWith('.db'))
    .map((name) => join(directory, name))
    .map((file) => ({ file, at: statSync(file).mtimeMs }))
    .sort((left, right) => left.at - right.at);
}
