import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyRestore } from '../../../../daemon/workspace/restore/apply-restore.ts';
import { planRestore } from '../../../../daemon/workspace/restore/plan-restore.ts';
import { RestoreJournal } from '../../../../daemon/workspace/restore/restore-journal.ts';
import { MemoryObjects, type SampleFile } from '../support/memory-objects.ts';
import { lookAt, putAll } from '../support/sample-directory.ts';

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'm-restore-')));
});
afterEach(() => rmSync(base, { recursive: true }));

test('a plan is carried out as it says, files and directories taking each other’s place', async () => {
  const objects = new MemoryObjects();
  const f = (content: string, mode: SampleFile['mode'] = 0o100644): SampleFile => ({ mode, content });
  const target = new Map([
    ['a', f('1')],
    ['d/x', f('2', 0o100755)],
    ['l', f('a', 0o120000)],
  ]);
  const now = new Map([
    ['a', f('3')],
    ['d', f('2')],
    ['n/b/c', f('5')],
    ['l', f('n', 0o120000)],
  ]);
  const root = join(base, 'w');
  putAll(root, now);
  const rules = { isIgnored: () => false };
  const plan = planRestore({
    source: objects,
    current: objects.tree(now),
    target: objects.tree(target),
    changes: [],
    currentRules: rules,
    targetRules: rules,
    skipped: new Set(),
    all: true,
  });
  const journal = new RestoreJournal(base, undefined);
  const order = {
    session: 's',
    turn: 1,
    phase: 'pre' as const,
    safety: { tree: objects.tree(now), commit: objects.tree(now) },
    target: objects.tree(target),
    started: 0,
  };
  await applyRestore(root, plan, { source: objects, journal, order });
  expect(lookAt(root)).toEqual(target);
  expect(journal.isThere()).toBe(false);
});
