/** What the tests of a side repository share: a directory, a key, objects by chance. */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { encodeCommit } from '../../../../../daemon/workspace/objects/commit-format.ts';
import type { ObjectId, ObjectSink } from '../../../../../daemon/workspace/objects/object.ts';
import { encodeTree } from '../../../../../daemon/workspace/objects/tree-format.ts';

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'm-side-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function someKey(): KeyObject {
  return createSecretKey(randomBytes(32));
}

/** Writes files as one snapshot, everything after what is below it. @returns its commit. */
export function writeSnapshot(sink: ObjectSink, files: Readonly<Record<string, Buffer | string>>): ObjectId {
  const entries = Object.entries(files).map(([name, content]) => ({
    name,
    mode: 0o100644 as const,
    id: sink.write('blob', Buffer.from(content)),
  }));
  const inner = sink.write('tree', encodeTree(entries));
  const tree = sink.write('tree', encodeTree([...entries, { name: 'inner directory', mode: 0o40000, id: inner }]));
  return sink.write('commit', encodeCommit({ tree, at: 1_700_000_000, subject: 'a snapshot', body: '{"turn":1}' }));
}
