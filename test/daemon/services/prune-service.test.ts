/** Old snapshots go once a day, the first time a day after it was said, and what a person asks for goes at once. */
import { ulid } from 'ulid';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProtectionChanges } from '../../../daemon/services/protection-changes.ts';
import { PruneService } from '../../../daemon/services/prune-service.ts';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import type { PruneOrder, PruneOutcome } from '../../../daemon/services/snapshot-port.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { openedVault, temporaryDirectory } from '../../support/direct-vault.ts';
import { FakeWorkspaces } from './support/fake-workspaces.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const MB = 1024 * 1024;

/** Snapshots of one workspace that can go: by age, or oldest first when there is no room. */
class Kept {
  old = 3;
  recent = 2;
  newestAt: number;
  readonly orders: PruneOrder[] = [];
  readonly #size: number;

  constructor(size = MB, newestAt = 0) {
    this.#size = size;
    this.newestAt = newestAt;
  }

  prune(order: PruneOrder): PruneOutcome {
    this.orders.push(order);
    const gone = order.maxAgeMs === Infinity ? 0 : this.old;
    const fits = Math.max(0, Math.floor(order.maxBytes / this.#size));
    const evicted = Math.max(0, this.old + this.recent - gone - fits);
    const left = this.old + this.recent - gone - evicted;
    if (!order.dryRun) [this.old, this.recent] = [0, left];
    return {
      removed: gone + evicted,
      kept: 0,
      names: left,
      freedBytes: (gone + evicted) * this.#size,
      leftBytes: left * this.#size,
      damaged: 0,
      newestAt: this.newestAt,
    };
  }
}

class Scene {
  readonly workspaces = new FakeWorkspaces();
  readonly logged: string[] = [];
  readonly reported: unknown[] = [];
  settings = { maxAgeDays: 7, maxStoredBytes: 0 };
  now = Date.UTC(2026, 0, 1);
  service: PruneService;
  readonly vault: VaultPort;
  readonly changes = new ProtectionChanges();

  static async open(): Promise<Scene> {
    const { path, remove } = temporaryDirectory();
    const vault = await openedVault(path);
    onTestFinished(async () => {
      await vault.close();
      remove();
    });
    return new Scene(vault);
  }

  private constructor(vault: VaultPort) {
    this.vault = this.changes.noticing(vault);
    this.service = this.#start();
  }

  /** Another daemon on the same store. */
  restart(): void {
    this.service = this.#start();
  }

  keep(root: string, kept: Kept, exists = true): Kept {
    this.workspaces.kept.set(root, { exists, bytes: 5 * MB, prune: (order) => kept.prune(order) });
    return kept;
  }

  async session(flag?: 'archived' | 'pinned'): Promise<string> {
    const sessionId = ulid();
    const entry = { type: 'origin', turn: 0, at: 1, body: '{}', isMessage: false } as const;
    const create = { workspace: '/w', model: 'm/m', title: 't' };
    await this.vault.append({ opId: ulid(), sessionId, entries: [entry], patch: {}, create });
    if (flag !== undefined) await this.vault.setFlag(ulid(), sessionId, flag, true);
    return sessionId;
  }

  #start(): PruneService {
    return new PruneService({
      vault: this.vault,
      workspaces: this.workspaces,
      changes: this.changes,
      clock: { now: () => this.now, id: () => ulid() },
      settings: () => this.settings,
      failed: (error) => void this.reported.push(error),
      useWaitMs: 50,
      log: (message, facts) => this.logged.push(`${message} ${JSON.stringify(facts)}`),
    });
  }
}

describe('clearing up by itself', () => {
  test('is announced, done a day later, and then once a day, also by the daemons that follow', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/w', new Kept());
    await scene.service.doDue();
    expect([kept.old, scene.logged]).toEqual([
      3,
      [expect.stringMatching(/^snapshots will be removed in a day .*"count":3,/)],
    ]);
    expect(await scene.service.usage({})).toMatchObject({ announcedFor: '2026-01-02T00:00:00.000Z', prunedAt: null });
    scene.now += DAY - 1;
    scene.restart();
    await scene.service.doDue();
    expect([kept.old, scene.service.announcedFor]).toEqual([3, scene.now + 1]);
    scene.now += 1;
    await scene.service.doDue();
    expect([kept.old, kept.recent, scene.service.announcedFor]).toEqual([0, 2, undefined]);
    expect(scene.logged.at(-1)).toBe(`snapshots removed {"count":3,"kept":0,"bytes":${3 * MB},"leftBytes":${2 * MB}}`);
    expect(await scene.service.usage({})).toMatchObject({ announcedFor: null, prunedAt: '2026-01-02T00:00:00.000Z' });
    scene.restart();
    scene.now += DAY - 1;
    await scene.service.doDue();
    scene.now += 1;
    await scene.service.doDue();
    expect(kept.orders.filter(({ dryRun }) => !dryRun)).toHaveLength(2);
    expect(scene.reported).toEqual([]);
  });

  test('tells nobody while nothing would go, and looks once a day', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/w', new Kept());
    kept.old = 0;
    for (let hour = 0; hour < 48; hour += 1, scene.now += HOUR) await scene.service.doDue();
    expect([scene.logged, kept.orders.length]).toEqual([[], 2]);
    expect(await scene.service.usage({})).toMatchObject({ announcedFor: null, prunedAt: null });
  });

  test('is announced anew when the clock was ahead, and goes on when it was set back', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/w', new Kept());
    const start = scene.now;
    scene.now += 400 * DAY;
    await scene.service.doDue();
    scene.now = start;
    await scene.service.doDue();
    expect(await scene.service.usage({})).toMatchObject({ announcedFor: '2026-01-02T00:00:00.000Z' });
    scene.now += DAY;
    await scene.service.doDue();
    expect(kept.old).toBe(0);
    const { length } = kept.orders;
    scene.now -= 3 * DAY;
    await scene.service.doDue();
    expect(kept.orders).toHaveLength(length + 1);
    expect(kept.orders.at(-1)).toMatchObject({ now: scene.now, seen: start + DAY });
  });

  test('is tried again when it failed, and reports what failed but for a store that was locked', async () => {
    const scene = await Scene.open();
    scene.keep('/w', new Kept());
    const fails = (error: Error) =>
      scene.workspaces.kept.set('/w', { exists: true, bytes: 1, prune: () => Promise.reject(error) });
    fails(new ProtocolError('KEY_LOCKED', 'locked'));
    await scene.service.doDue();
    expect(scene.reported).toEqual([]);
    fails(new Error('a bug'));
    await scene.service.doDue();
    expect(scene.reported).toMatchObject([{ message: 'a bug' }]);
  });
});

test('what is due is looked for soon after the store was opened, and every hour, until the daemon leaves', async () => {
  const scene = await Scene.open();
  const kept = scene.keep('/w', new Kept());
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  scene.service.begin();
  await vi.advanceTimersByTimeAsync(29_999);
  expect(kept.orders).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(kept.orders).toMatchObject([{ dryRun: true }]);
  scene.now += DAY;
  await vi.advanceTimersByTimeAsync(HOUR);
  expect([kept.orders.length, kept.old]).toEqual([2, 0]);
  scene.now += DAY;
  scene.service.end();
  await vi.advanceTimersByTimeAsync(3 * HOUR);
  expect(kept.orders).toHaveLength(2);
});

describe('clearing up when a person asks for it', () => {
  test('needs no announcement, and a dry run does nothing', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/w', new Kept());
    const forecast = await scene.service.prune({ dryRun: true });
    expect([kept.old, scene.logged]).toEqual([3, []]);
    expect(await scene.service.prune({})).toEqual(forecast);
    expect(forecast).toMatchObject({ removed: 3, freedBytes: 3 * MB, leftBytes: 2 * MB, overBytes: 0 });
    expect(forecast.workspaces).toMatchObject([{ workspace: '/w', exists: true, removed: 3, empty: false }]);
    await scene.service.doDue();
    expect(kept.orders).toHaveLength(2);
  });

  test('of one workspace leaves the others, and what is due', async () => {
    const scene = await Scene.open();
    const [one, other] = [scene.keep('/w', new Kept()), scene.keep('/v', new Kept())];
    scene.settings.maxStoredBytes = 1;
    expect(await scene.service.prune({ workspace: '/w' })).toMatchObject({ removed: 3, overBytes: 0 });
    expect([one.old, one.recent, other.old]).toEqual([0, 2, 3]);
    expect(await scene.service.usage({})).toMatchObject({ prunedAt: null });
  });

  test('says where it failed, and goes on elsewhere', async () => {
    const scene = await Scene.open();
    const fails = () => Promise.reject(new ProtocolError('STORAGE_FULL', 'the disk is full'));
    scene.workspaces.kept.set('/full', { exists: true, bytes: 7, snapshotBytes: 5, prune: fails });
    const kept = scene.keep('/w', new Kept());
    const { workspaces } = await scene.service.prune({});
    expect(workspaces).toMatchObject([
      { problem: '' },
      { workspace: '/full', problem: 'the disk is full', leftBytes: 5 },
    ]);
    expect(kept.old).toBe(0);
  });

  test('names a workspace where it has failed more than once, until it succeeds, also to the daemons that follow', async () => {
    const scene = await Scene.open();
    const fails = (why: string) => () => Promise.reject(new ProtocolError('TAMPERED', why));
    const workspace = (prune: () => Promise<never>) =>
      scene.workspaces.kept.set('/w', { exists: true, bytes: 1, prune });
    scene.keep('/v', new Kept());
    workspace(fails('a pack is damaged'));
    await scene.service.prune({});
    const since = new Date(scene.now).toISOString();
    expect([(await scene.service.usage({})).failing, await scene.service.statusOf('/w')]).toEqual([[], {}]);
    scene.now += DAY;
    workspace(fails('the list is damaged'));
    await scene.service.doDue();
    scene.restart();
    const failing = { problem: 'the list is damaged', since };
    expect((await scene.service.usage({})).failing).toEqual([{ workspace: '/w', ...failing }]);
    expect(await scene.service.statusOf('/w')).toEqual({ pruneFailing: failing });
    expect(await scene.service.statusOf('/v')).toEqual({});
    await scene.service.prune({ dryRun: true });
    await scene.service.prune({ workspace: '/v' });
    expect((await scene.service.usage({})).failing).toHaveLength(1);
    scene.keep('/w', new Kept());
    await scene.service.prune({ workspace: '/w' });
    expect((await scene.service.usage({})).failing).toEqual([]);
    expect(await scene.service.usage({})).toMatchObject({ prunedAt: new Date(scene.now).toISOString() });
    expect(scene.reported).toHaveLength(3);
  });

  test('tells which sessions are pinned, which live, and what is saved', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/w', new Kept());
    const gone = scene.keep('/gone', new Kept(), false);
    const [live, archived, pinned] = [
      await scene.session(),
      await scene.session('archived'),
      await scene.session('pinned'),
    ];
    await scene.vault.createSave({
      opId: ulid(),
      sessionId: archived,
      wantedId: 's',
      seq: 1,
      turn: 4,
      messages: 0,
      model: 'm/m',
      fingerprint: '',
      at: 1,
    });
    await scene.service.prune({});
    const facts = { pinned: new Set([pinned]), saves: [{ session: archived, turn: 4 }] };
    expect(kept.orders[0]?.protections).toEqual({ ...facts, live: new Set([live, pinned]) });
    expect(gone.orders[0]?.protections).toEqual({ ...facts, live: new Set() });
  });

  test('begins anew when a person pins, saves or begins something before anything is removed', async () => {
    const scene = await Scene.open();
    const [one, other] = [await scene.session(), await scene.session()];
    const save = { wantedId: 's', seq: 1, turn: 4, messages: 0, model: 'm/m', fingerprint: '', at: 1 };
    const meanwhile = [
      () => scene.vault.setFlag(ulid(), one, 'pinned', true),
      () => scene.vault.createSave({ ...save, opId: ulid(), sessionId: other }),
      () => scene.session(),
    ];
    const orders: PruneOrder[] = [];
    const prune = async (order: PruneOrder): Promise<PruneOutcome> => {
      orders.push(order);
      await meanwhile.shift()?.();
      const { count, was } = order.asOf ?? expect.fail('it is not known what the order is as of');
      if (Atomics.load(count, 0) !== was) throw new ProtocolError('CONFLICT', 'it has changed');
      return new Kept().prune(order);
    };
    scene.workspaces.kept.set('/w', { exists: true, bytes: 1, prune });
    expect((await scene.service.prune({})).workspaces).toMatchObject([{ removed: 3, problem: '' }]);
    expect(orders).toHaveLength(4);
    const [first, , , last] = orders.map(({ protections }) => protections);
    expect([first?.pinned.size, first?.saves.length, first?.live.size]).toEqual([0, 0, 2]);
    expect([last?.pinned.size, last?.saves.length, last?.live.size]).toEqual([1, 1, 3]);
  });

  test('reads what is protected once for all workspaces, as long as it does not change', async () => {
    const scene = await Scene.open();
    await scene.session('pinned');
    const list = vi.spyOn(scene.vault, 'list');
    const orders = ['/u', '/v'].map((root) => scene.keep(root, new Kept()).orders);
    await scene.service.prune({});
    expect(list).toHaveBeenCalledOnce();
    await scene.session('pinned');
    await scene.service.prune({});
    expect(list).toHaveBeenCalledTimes(2);
    expect(orders.map((each) => each.map(({ protections }) => protections.pinned.size))).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('removes a workspace of which nothing is left, and what belongs to none', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/gone', new Kept(), false);
    kept.recent = 0;
    await scene.service.prune({ dryRun: true });
    expect(scene.workspaces.asked).toEqual(['prune /gone']);
    expect((await scene.service.prune({})).workspaces).toMatchObject([{ empty: true, exists: false }]);
    const orphans = `clear orphans before ${scene.now - 7 * DAY}`;
    expect(scene.workspaces.asked.slice(1)).toEqual([orphans, 'prune /gone', 'remove /gone if empty']);
  });

  test('leaves what was read for a snapshot that came too late, until it is old', async () => {
    const scene = await Scene.open();
    const nothing = { removed: 0, kept: 0, names: 0, freedBytes: 0, leftBytes: MB, damaged: 0, newestAt: null };
    const some = { bytes: MB, packedAt: scene.now, prune: () => nothing };
    scene.workspaces.kept.set('/w', { exists: true, ...some });
    scene.workspaces.kept.set('/gone', { exists: false, ...some });
    const pruned = await scene.service.prune({});
    expect(pruned).toMatchObject({ freedBytes: MB, leftBytes: MB });
    expect(pruned.workspaces).toMatchObject([{ empty: false }, { empty: true }]);
    scene.now += 7 * DAY;
    expect((await scene.service.prune({ dryRun: true })).workspaces).toMatchObject([{ empty: true }, { empty: true }]);
    await scene.service.prune({});
    const removals = scene.workspaces.asked.filter((asked) => asked.startsWith('remove '));
    expect(removals).toEqual(['/gone', '/w', '/gone'].map((root) => `remove ${root} if empty`));
  });

  test('goes on elsewhere when what is left of a workspace, or belongs to none, cannot be removed, and says so', async () => {
    const scene = await Scene.open();
    for (const root of ['/gone', '/other']) scene.keep(root, new Kept(), false).recent = 0;
    const kept = scene.keep('/w', new Kept());
    scene.workspaces.stuck.add('/gone');
    const problem = 'what was stored of it could not be removed (EACCES: permission denied)';
    expect((await scene.service.prune({})).workspaces).toMatchObject([
      { workspace: '/gone', removed: 3, problem },
      { workspace: '/other', problem: '' },
      { workspace: '/w', problem: '' },
    ]);
    expect([kept.old, scene.workspaces.asked.at(-1), scene.reported.length]).toEqual([0, 'remove /other if empty', 2]);
    expect((await scene.service.usage({})).prunedAt).not.toBeNull();
  });

  test('never removes anything for its age when the age is 0', async () => {
    const scene = await Scene.open();
    const kept = scene.keep('/w', new Kept());
    scene.settings.maxAgeDays = 0;
    expect(await scene.service.prune({})).toMatchObject({ removed: 0 });
    expect(kept.orders).toMatchObject([{ maxAgeMs: Infinity, maxBytes: Infinity }]);
    expect(scene.workspaces.asked).toEqual(['prune /w']);
  });
});

test('what is stored is told without the number of snapshots where that would take long', async () => {
  const scene = await Scene.open();
  scene.keep('/w', new Kept());
  const row = { workspace: '/w', storedBytes: 5 * MB };
  expect((await scene.service.usage({ all: true })).workspaces).toMatchObject([{ ...row, snapshots: 1, problem: '' }]);
  const { promise, reject } = Promise.withResolvers<never>();
  scene.workspaces.instead.use = () => promise;
  const problem = 'its files are being read; ask again later';
  expect((await scene.service.usage({ all: true })).workspaces).toMatchObject([{ ...row, newestAt: null, problem }]);
  // Nobody looks at what comes then.
  reject(new Error('lost'));
});

describe('the limit of what is stored', () => {
  test('takes from the workspace first that was left alone the longest, and from others only what is still missing', async () => {
    const scene = await Scene.open();
    const kept = [3, 1, 2].map((at) => scene.keep(`/${at}`, new Kept(MB, at)));
    for (const each of kept) each.old = 0;
    scene.settings.maxStoredBytes = 3 * MB;
    const forecast = await scene.service.prune({ dryRun: true });
    expect(await scene.service.prune({})).toEqual(forecast);
    expect(kept.map(({ recent }) => recent)).toEqual([2, 0, 1]);
    expect(forecast).toMatchObject({ removed: 3, leftBytes: 3 * MB, overBytes: 0 });
  });

  test('that cannot be kept to is told', async () => {
    const scene = await Scene.open();
    const outcome = { removed: 0, kept: 9, names: 9, freedBytes: 0, leftBytes: 9 * MB, damaged: 0, newestAt: 1 };
    scene.workspaces.kept.set('/w', { exists: true, bytes: 1, prune: () => outcome });
    scene.settings.maxStoredBytes = 4 * MB;
    expect(await scene.service.prune({})).toMatchObject({ removed: 0, kept: 9, overBytes: 5 * MB });
  });
});
