/** A directory that was moved: nothing runs there meanwhile, and who works in its sessions hears of it. */
import { ulid } from 'ulid';
import { expect, test } from 'vitest';
import { RelinkService } from '../../../daemon/services/relink-service.ts';
import { WorkspaceHolds } from '../../../daemon/services/workspace-holds.ts';
import { Stage } from './support/turn-stage.ts';

function serviceOf(stage: Stage) {
  const changed: string[] = [];
  const { vault, turns, workspaces } = stage;
  const holds = new WorkspaceHolds();
  const service = new RelinkService({
    vault,
    turns,
    workspaces,
    holds,
    changed: ({ id, workspace }) => void changed.push(`${id} ${workspace}`),
  });
  return { service, changed };
}

test('its sessions go on at the new path, which is done once', async () => {
  const stage = await Stage.open();
  const sessionId = await stage.begin((turn) => turn.call('edit', 'a.txt'), 'full', '/w');
  await stage.rest(sessionId);
  const { service, changed } = serviceOf(stage);
  const request = { opId: ulid(), from: '/w', to: '/v' };
  expect(await Promise.all([service.relink(request), service.relink(request)])).toEqual([
    { sessions: 1 },
    { sessions: 1 },
  ]);
  expect((await stage.vault.head(sessionId)).workspace).toBe('/v');
  expect(changed).toEqual([`${sessionId} /v`]);
  expect(stage.workspaces.asked.slice(-2)).toEqual(['remove /v if empty', 'move /w /v']);
});

test.each([
  ['/w', '/v'],
  ['/v', '/w'],
])('is refused while a turn runs: from %s to %s', async (from, to) => {
  const stage = await Stage.open();
  const { promise, resolve } = Promise.withResolvers<void>();
  const sessionId = await stage.begin((turn) => turn.call('command', 'make', () => promise), 'full', '/w');
  const { service } = serviceOf(stage);
  await expect(service.relink({ opId: ulid(), from, to })).rejects.toMatchObject({ kind: 'CONFLICT' });
  // Its thread would be ended for that, and the turn could tell it nothing more.
  expect(stage.workspaces.asked.filter((asked) => asked.startsWith('move'))).toEqual([]);
  resolve();
  await stage.rest(sessionId);
});

test('to where no directory is, is refused before anything is looked at', async () => {
  const stage = await Stage.open();
  stage.workspaces.missing.add('/v');
  const { service } = serviceOf(stage);
  const relinked = service.relink({ opId: ulid(), from: '/w', to: '/v' });
  await expect(relinked).rejects.toMatchObject({ kind: 'INVALID_PARAMS' });
  expect(stage.workspaces.asked).toEqual([]);
});

test('of a path of which nothing is known, or to where it is already, is refused', async () => {
  const { service } = serviceOf(await Stage.open());
  await expect(service.relink({ opId: ulid(), from: '/no', to: '/v' })).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  await expect(service.relink({ opId: ulid(), from: '/v', to: '/v' })).rejects.toMatchObject({
    kind: 'INVALID_PARAMS',
  });
});
