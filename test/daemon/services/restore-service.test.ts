/** Restores and turns keep out of each other's way, and a session's snapshots follow it. */
import { ulid } from 'ulid';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../protocol/errors.ts';
import { waitUntil } from '../../support/real-daemon.ts';
import { Stage, type Play } from './support/turn-stage.ts';

const edit: Play = (turn) => turn.call('edit', 'a.txt');

/** Something that comes when the test says so. */
function gate(): { come: () => void; reached: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { come: resolve, reached: promise };
}

/** A session whose first turn has ended. */
async function rested(stage: Stage, workspace = '/w'): Promise<string> {
  const session = await stage.begin(edit, 'full', workspace);
  await stage.rest(session);
  stage.workspaces.asked.length = 0;
  return session;
}

const target = { kind: 'turn', turn: 1, phase: 'pre' } as const;

describe('a restore', () => {
  test('is planned and carried out while nothing runs', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    expect(await stage.restores.plan({ sessionId, target })).toEqual({ planId: 'P' });
    expect(await stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' })).toMatchObject({ restored: 1 });
    expect(stage.workspaces.asked).toEqual(['plan at 1', 'apply P']);
  });

  test('is done once for an operation that is sent twice, also while it is under way', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const request = { opId: ulid(), sessionId, planId: 'P' };
    const [one, other] = await Promise.all([stage.restores.apply(request), stage.restores.apply(request)]);
    expect([other, await stage.restores.apply(request)]).toEqual([one, one]);
    expect(stage.workspaces.asked).toEqual(['apply P']);
    await expect(stage.restores.apply({ ...request, planId: 'Q' })).rejects.toMatchObject({ kind: 'CONFLICT' });
  });

  test('may be tried again under the same operation when it has failed', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const request = { opId: ulid(), sessionId, planId: 'P' };
    stage.workspaces.instead.apply = () => Promise.reject(new ProtocolError('STORAGE_FULL', 'the disk is full'));
    await expect(stage.restores.apply(request)).rejects.toMatchObject({ kind: 'STORAGE_FULL' });
    delete stage.workspaces.instead.apply;
    expect(await stage.restores.apply(request)).toMatchObject({ restored: 1 });
  });

  test('of a plan that is over says to plan again', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    stage.workspaces.instead.apply = () => Promise.reject(new ProtocolError('NOT_FOUND', 'no such plan'));
    const applied = stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' });
    await expect(applied).rejects.toMatchObject({ kind: 'NOT_FOUND', hint: expect.stringContaining('plan it again') });
  });

  test('of a turn that has not begun is not found', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const planned = stage.restores.plan({ sessionId, target: { ...target, turn: 2 } });
    await expect(planned).rejects.toMatchObject({
      kind: 'NOT_FOUND',
      message: expect.stringContaining('newest one is 1'),
    });
  });

  test.each([
    ['/w', true],
    ['/w/inner', true],
    ['/', true],
    ['/w2', false],
  ])('is refused while a turn of another session runs in %s: %s', async (workspace, isRefused) => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const end = gate();
    const began = gate();
    const other = await stage.begin(
      async () => {
        began.come();
        await end.reached;
        return 'done';
      },
      'full',
      workspace,
    );
    await began.reached;
    const plan = () => stage.restores.plan({ sessionId, target });
    const apply = () => stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' });
    if (isRefused) {
      const named = { kind: 'CONFLICT', message: expect.stringContaining(`turn 1 of session ${other}`) };
      await expect(plan()).rejects.toMatchObject(named);
      await expect(apply()).rejects.toMatchObject(named);
    } else {
      await plan();
      await apply();
    }
    end.come();
    await stage.rest(other);
    await apply();
  });

  test('is refused while another one of its session is carried out, and says so', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const [began, end] = [gate(), gate()];
    stage.workspaces.instead.apply = async () => {
      began.come();
      await end.reached;
    };
    const apply = () => stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' });
    const first = apply();
    await began.reached;
    const refused = {
      kind: 'CONFLICT',
      message: expect.stringContaining('files of this session are being brought back'),
    };
    await expect(apply()).rejects.toMatchObject(refused);
    end.come();
    await first;
  });

  test('is refused while a turn of its own session runs or waits', async () => {
    const stage = await Stage.open();
    const sessionId = await stage.begin(edit, 'ask');
    await stage.question(sessionId);
    await expect(stage.restores.plan({ sessionId, target })).rejects.toMatchObject({ kind: 'CONFLICT' });
    const applied = stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' });
    await expect(applied).rejects.toMatchObject({ kind: 'CONFLICT' });
    await stage.answer(sessionId, 'allow');
    await stage.rest(sessionId);
  });

  test('holds every change that turns want to make meanwhile, and the prompts of its own session', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const restore = gate();
    stage.workspaces.instead.apply = () => restore.reached;
    const applied = stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' });
    await waitUntil('the restore has begun', () => stage.workspaces.asked.includes('apply P'));
    const done: string[] = [];
    const other = await stage.begin(async (turn) => {
      done.push(`read ${await turn.call('read', 'a.txt')}`);
      done.push(`edit ${await turn.call('edit', 'a.txt')}`);
      return 'done';
    });
    await stage.next(sessionId, (turn) => turn.call('edit', 'b.txt'));
    await waitUntil('the other turn has read', () => done.length > 0);
    await waitUntil('its change is in the log', async () => (await stage.entries(other)).length >= 6);
    expect(done).toEqual(['read done']);
    expect(stage.workspaces.asked.filter((what) => what.startsWith('begin'))).toEqual([]);
    restore.come();
    await applied;
    await Promise.all([stage.rest(other), stage.rest(sessionId)]);
    expect(done).toEqual(['read done', 'edit done']);
    expect((await stage.said(sessionId)).map(({ turn }) => turn)).toEqual([1, 2]);
  });

  test('takes nothing from the time that a turn has for its files', async () => {
    const stage = await Stage.open({ waitMs: 200 });
    const sessionId = await rested(stage);
    const restore = gate();
    stage.workspaces.instead.apply = () => restore.reached;
    // The thread does one thing after the other.
    stage.workspaces.instead.take = () => restore.reached;
    const applied = stage.restores.apply({ opId: ulid(), sessionId, planId: 'P' });
    await waitUntil('the restore has begun', () => stage.workspaces.asked.includes('apply P'));
    const other = await stage.begin(edit);
    await expect(stage.rest(other, 400)).rejects.toThrow('in vain');
    restore.come();
    await applied;
    await stage.rest(other);
    expect(await stage.said(other)).toMatchObject([{ entry: { restorable: true } }]);
  });

  test('is refused while files of the same workspace are being brought back', async () => {
    const stage = await Stage.open();
    const one = await rested(stage);
    const other = await rested(stage, '/w/inner');
    const restore = gate();
    stage.workspaces.instead.apply = () => restore.reached;
    const first = stage.restores.apply({ opId: ulid(), sessionId: one, planId: 'P' });
    await waitUntil('the restore has begun', () => stage.workspaces.asked.includes('apply P'));
    const second = stage.restores.apply({ opId: ulid(), sessionId: other, planId: 'Q' });
    await expect(second).rejects.toMatchObject({ kind: 'CONFLICT', message: expect.stringContaining('already') });
    restore.come();
    await first;
  });
});

describe('the snapshots of a session', () => {
  test('go to its fork, up to the turn that it shares', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const { session } = await stage.sessions.fork({ opId: ulid(), sessionId });
    expect(session.workspace).toBe('/w');
    expect(stage.workspaces.asked).toEqual([`copy ${sessionId} ${session.id} 1`]);
  });

  test('stay behind when the fork works elsewhere, and whoever looks for them there is told whose they are', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    const { session } = await stage.sessions.fork({ opId: ulid(), sessionId, workspace: '/elsewhere' });
    expect(session.workspace).toBe('/elsewhere');
    expect(stage.workspaces.asked).toEqual([]);
    stage.workspaces.stored.clear();
    const owner = { kind: 'session', sessionId: session.id } as const;
    await expect(stage.snapshots.show({ owner, point: target })).rejects.toMatchObject({
      kind: 'NOT_FOUND',
      message: expect.stringContaining('was made in /w'),
      hint: expect.stringContaining(sessionId),
    });
  });

  test('are forgotten before the session is deleted', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    stage.workspaces.instead.end = async () => void (await stage.vault.head(sessionId));
    await stage.sessions.delete({ opId: ulid(), sessionId, saves: 'refuse' });
    expect(stage.workspaces.asked).toEqual([`forget ${sessionId}`, 'remove /w if empty', 'prune /w thoroughly']);
    expect(stage.reported).toEqual([]);
  });

  test('that it never had are not cleared up after', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    stage.workspaces.hadSnapshots = false;
    await stage.sessions.delete({ opId: ulid(), sessionId, saves: 'refuse' });
    expect(stage.workspaces.asked).toEqual([`forget ${sessionId}`, 'remove /w if empty']);
  });

  test('keep nobody from deleting it when they cannot be reached, which is reported', async () => {
    const stage = await Stage.open();
    const sessionId = await rested(stage);
    stage.workspaces.instead.of = () => Promise.reject(new Error('gone'));
    await stage.sessions.delete({ opId: ulid(), sessionId, saves: 'refuse' });
    await expect(stage.vault.head(sessionId)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    expect(stage.reported).toMatchObject([{ message: 'gone' }]);
  });

  test('are not looked for in a workspace of which nothing is stored', async () => {
    const stage = await Stage.open({ enabled: false });
    stage.workspaces.isStored = false;
    const sessionId = await rested(stage);
    const owner = { kind: 'session', sessionId } as const;
    expect(await stage.snapshots.list({ owner })).toEqual({ snapshots: [], nextCursor: null });
    await expect(stage.snapshots.show({ owner, point: target })).rejects.toMatchObject({ kind: 'NOT_FOUND' });
    await stage.sessions.delete({ opId: ulid(), sessionId, saves: 'refuse' });
    expect([stage.workspaces.asked, [...stage.workspaces.roots]]).toEqual([['remove /w if empty'], []]);
  });
});

describe('a snapshot by hand', () => {
  test('is taken once for an operation that is sent twice', async () => {
    const stage = await Stage.open();
    const request = { opId: ulid(), workspace: '/w' };
    const one = await stage.snapshots.take(request);
    expect(await stage.snapshots.take(request)).toEqual(one);
    expect(one.snapshot).toMatchObject({ sessionId: null, point: { kind: 'taken' } });
    expect(stage.workspaces.asked).toEqual(['take by hand']);
  });

  test('is refused while snapshots are off', async () => {
    const stage = await Stage.open({ enabled: false });
    stage.workspaces.isStored = false;
    await expect(stage.snapshots.take({ opId: ulid(), workspace: '/w' })).rejects.toMatchObject({ kind: 'REFUSED' });
    expect(await stage.snapshots.status({ workspace: '/w' })).toMatchObject({ state: 'off' });
  });

  test('of a workspace that is not captured says why', async () => {
    const stage = await Stage.open();
    stage.workspaces.isStored = false;
    stage.workspaces.instead.of = () => Promise.reject(new ProtocolError('REFUSED', 'this is the home directory'));
    const status = { state: 'refused', reason: 'this is the home directory' };
    expect(await stage.snapshots.status({ workspace: '/w' })).toMatchObject(status);
  });
});
