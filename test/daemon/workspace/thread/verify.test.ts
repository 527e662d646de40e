/** A check of what is stored, asked of the thread of a workspace. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../../daemon/workspace/scan/scan-result.ts';
import { WorkspaceClient } from '../../../../daemon/workspace/thread/workspace-client.ts';
import { DEADLINES, WorkspaceThread } from '../../../../daemon/workspace/thread/workspace-thread.ts';
import { ALICE, point } from '../engine/support/workbench.ts';

const BUILT = join(import.meta.dirname, '../../../../dist/workspace-worker.cjs');
const FILES = 3_000;
const never = new AbortController().signal;

let top: string;
let unexpected: string[];
let files: WorkspaceClient;

beforeEach(async () => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'm-verify-')));
  const root = join(top, 'project');
  for (const name of ['project', 'data', 'home']) mkdirSync(join(top, name));
  for (let index = 0; index < FILES; index += 1) writeFileSync(join(root, `f${index}`), `${index}`);
  unexpected = [];
  const key = createSecretKey(randomBytes(32));
  const dataDirectory = join(top, 'data');
  const directory = join(dataDirectory, 'side');
  const places = { home: join(top, 'home') };
  files = new WorkspaceClient(
    new WorkspaceThread({
      script: BUILT,
      settings: () =>
        Promise.resolve({
          root,
          directory,
          dataDirectory,
          key,
          encrypt: true,
          places,
          limits: DEFAULT_LIMITS,
          watch: 'off',
        }),
      version: () => '',
      deadlines: DEADLINES,
      onUnexpected: (name, stack) => unexpected.push(`${name}: ${stack}`),
    }),
    root,
    () => [],
  );
  await files.take(point(ALICE, 1, 'pre'), never);
});

afterEach(async () => {
  await files.close();
  rmSync(top, { recursive: true, force: true });
  expect(unexpected).toEqual([]);
});

test('it ends soon when nobody waits for it any more, and the next one begins anew', async () => {
  const leaving = new AbortController();
  const given = files.verify(leaving.signal);
  const second = files.verify(never);
  // Answered after it has begun.
  await files.status();
  leaving.abort(new Error('the client has left'));
  await expect(given).rejects.toThrow('the client has left');
  await expect(files.verify(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  expect(await second).toMatchObject({ problems: [], hurt: [], objects: FILES + 2 });
  expect(files.quiet).toBe(true);
});

test('status, a snapshot and clearing up are answered meanwhile, and the status says how far it is', async () => {
  const order: string[] = [];
  const checked = files.verify(never).then((result) => {
    order.push('verify');
    return result;
  });
  await files.status();
  const seen = new Set<number>();
  for (let round = 0; round < 3; round += 1) seen.add((await files.status()).verifying?.total ?? 0);
  await files.take(point(ALICE, 2, 'pre'), never);
  order.push('take');
  const protections = { pinned: new Set<string>(), live: new Set<string>(), saves: [] };
  const limits = { maxAgeMs: Infinity, maxBytes: Infinity, thorough: true, dryRun: false };
  await files.prune({ protections, now: Date.now(), seen: undefined, ...limits });
  order.push('prune');
  expect(await checked).toMatchObject({ problems: [], hurt: [], snapshots: 1 });
  expect(seen).toContain(FILES + 2);
  expect(order).toEqual(['take', 'prune', 'verify']);
  expect((await files.status()).verifying).toBeUndefined();
});
