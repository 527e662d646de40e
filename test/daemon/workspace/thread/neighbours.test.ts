/** Sessions in workspaces above and below one another: no command takes what another session did for its own. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkspaceFiles } from '../../../../daemon/services/snapshot-port.ts';
import { WorkspaceThreads } from '../../../../daemon/workspace/thread/workspace-threads.ts';
import { ALICE, BOB, point } from '../engine/support/workbench.ts';

const BUILT = join(import.meta.dirname, '../../../../dist/workspace-worker.cjs');
const never = new AbortController().signal;
const command = { kind: 'command', callId: 'C' } as const;
const alice = { sessionId: ALICE, turn: 1 };
const bob = { sessionId: BOB, turn: 1 };

let top: string;
let threads: WorkspaceThreads;
/** Of Alice, and in it that of Bob. */
let outer: WorkspaceFiles;
let inner: WorkspaceFiles;

beforeEach(async () => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'm-near-')));
  for (const name of ['p/sub', 'data', 'home']) mkdirSync(join(top, name), { recursive: true });
  const keys = new Map<string, { id: string; key: ReturnType<typeof createSecretKey> }>();
  threads = new WorkspaceThreads({
    dataDirectory: join(top, 'data'),
    home: join(top, 'home'),
    configHome: undefined,
    keys: {
      workspaceKey: (path) => {
        const known = keys.get(path) ?? { id: randomBytes(16).toString('hex'), key: createSecretKey(randomBytes(32)) };
        keys.set(path, known);
        return Promise.resolve(known);
      },
      workspaceKeys: () => Promise.resolve([...keys].map(([path, { id }]) => ({ path, id }))),
      workspaceDirectories: () => Promise.resolve([...keys.values()].map(({ id }) => id)),
      relinkWorkspace: () => Promise.reject(new Error('not asked here')),
      removeWorkspaceKey: () => Promise.reject(new Error('not asked here')),
    },
    settings: () => ({ enabled: true, encrypt: true, watch: 'off', maxFileBytes: 1e7, maxFiles: 1e5, maxBytes: 1e9 }),
    onUnexpected: (name, stack) => expect.fail(`${name}: ${stack}`),
    script: BUILT,
  });
  outer = await threads.of(join(top, 'p'));
  inner = await threads.of(join(top, 'p/sub'));
  await outer.take(point(ALICE, 1, 'pre'), never);
  await inner.take(point(BOB, 1, 'pre'), never);
});

afterEach(async () => {
  await threads.close();
  rmSync(top, { recursive: true, force: true });
});

function write(path: string): void {
  writeFileSync(join(top, 'p', path), path);
}

/** By path: what going back before the turn would do with it. */
async function fates(files: WorkspaceFiles, sessionId: string): Promise<Record<string, string>> {
  const target = { kind: 'turn', turn: 1, phase: 'pre' } as const;
  const plan = await files.plan({ params: { sessionId, target }, newestTurn: 1 });
  return Object.fromEntries([
    ...plan.files.map(({ path, action }) => [path, action]),
    ...plan.kept.map(({ path, reason }) => [path, reason]),
  ]);
}

describe('what changes where two workspaces overlap while a command runs', () => {
  it.each(['begins before', 'begins after'])(
    'may be of either when a command of the other runs too, which %s',
    async (order) => {
      const [first, second] = order === 'begins before' ? [inner, outer] : [outer, inner];
      const turnOf = (files: WorkspaceFiles) => (files === outer ? alice : bob);
      await first.beginCall(turnOf(first), command);
      await second.beginCall(turnOf(second), command);
      write('a.txt');
      write('sub/b.txt');
      await inner.endCall(bob, command);
      await outer.endCall(alice, command);
      expect(await fates(outer, ALICE)).toEqual({ 'a.txt': 'delete', 'sub/b.txt': 'ambiguous' });
      expect(await fates(inner, BOB)).toEqual({ 'b.txt': 'ambiguous' });
    },
  );

  it('is not of the command when a file tool of the other has named it', async () => {
    await outer.beginCall(alice, command);
    const edit = { kind: 'files', callId: 'E', paths: [join(top, 'p/sub/b.txt')] } as const;
    await inner.beginCall(bob, edit);
    write('sub/b.txt');
    await inner.endCall(bob, edit);
    write('sub/own.txt');
    await outer.endCall(alice, command);
    expect(await fates(outer, ALICE)).toEqual({ 'sub/b.txt': 'ambiguous', 'sub/own.txt': 'delete' });
    expect(await fates(inner, BOB)).toEqual({ 'b.txt': 'delete', 'own.txt': 'yours' });
  });

  it('is of the command alone when the other had ended before, or begins afterwards', async () => {
    await inner.beginCall(bob, command);
    write('sub/b.txt');
    await inner.endCall(bob, command);
    await outer.beginCall(alice, command);
    write('sub/a.txt');
    await outer.endCall(alice, command);
    await inner.beginCall(bob, { ...command, callId: 'D' });
    write('sub/c.txt');
    await inner.endCall(bob, { ...command, callId: 'D' });
    const mine = { 'sub/a.txt': 'delete', 'sub/b.txt': 'yours', 'sub/c.txt': 'yours' };
    expect(await fates(outer, ALICE)).toEqual(mine);
    expect(await fates(inner, BOB)).toEqual({ 'a.txt': 'yours', 'b.txt': 'delete', 'c.txt': 'delete' });
  });
});
