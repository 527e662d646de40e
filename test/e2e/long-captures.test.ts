/** Capturing that takes long, through a real daemon: who is told, and how a person goes on without it. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EventData } from '../../protocol/event.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const FILES = 500;
const MEGABYTE = 1024 * 1024;

/** A workspace that takes seconds to read, and hardly any room: its files are holes. */
function slowHome(): RealHome {
  const home = realHome({ config: 'snapshots_max_megabytes = 100000\n' });
  for (let at = 0; at < FILES; at += 1) {
    const file = openSync(join(home.workspace, `hole-${at}`), 'w');
    ftruncateSync(file, 9 * MEGABYTE);
    closeSync(file);
  }
  writeFileSync(join(home.workspace, 'a.txt'), 'one\n');
  return home;
}

function told({ changes }: Watcher): EventData<'capture'>[] {
  return changes.flatMap((change) => (change.kind === 'capture' ? [change.capture] : []));
}

test('everybody is told how far it is, and the turn goes on at once when a person gives it up', async () => {
  const home = slowHome();
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'edit a.txt one two', mode: 'full' });
  const other = await Watcher.join(await home.client(), me.sessionId);
  for (const watcher of [me, other]) {
    await waitUntil('it is told that a call waits', () =>
      told(watcher).some(({ waits, total }) => waits && total !== null),
    );
  }
  expect(told(me)[0]).toMatchObject({ state: 'running' });
  expect(told(me).at(-1)).toMatchObject({ total: FILES + 1 });
  expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('one\n');
  expect(await client.call('snapshot/giveUp', { sessionId: me.sessionId })).toEqual({ turn: 1, phase: 'pre' });
  await me.state(1, 'completed');
  expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('two\n');
  expect(me.changes.filter(({ kind }) => kind === 'snapshot')).toMatchObject([
    { entry: { restorable: false, reason: 'given up by you', files: 1 } },
  ]);
  expect(told(me).at(-1)).toMatchObject({ state: 'given-up' });
  expect(await client.call('snapshot/giveUp', { sessionId: me.sessionId })).toEqual({ turn: null });
  const { sessionId } = me;
  const planned = client.call('restore/plan', { sessionId, target: { kind: 'turn', turn: 1, phase: 'pre' } });
  await expect(planned).rejects.toThrow('the files before turn 1 were not captured: given up by you');
  const point = { kind: 'turn', turn: 7, phase: 'pre' } as const;
  const compared = client.call('snapshot/diff', { owner: { kind: 'session', sessionId }, from: point });
  await expect(compared).rejects.toThrow('turn 7 does not exist; the newest one is 1');
});

test('a turn that is cancelled while its call waits has changed nothing', async () => {
  const home = slowHome();
  const client = await home.client();
  const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'edit a.txt one two', mode: 'full' });
  await waitUntil('the call waits', () => told(me).some(({ waits }) => waits));
  expect(await client.call('turn/cancel', { sessionId: me.sessionId })).toEqual({ cancelled: 1 });
  await me.state(1, 'cancelled');
  expect(readFileSync(join(home.workspace, 'a.txt'), 'utf8')).toBe('one\n');
});
