/** When a turn waits for its files, what becomes of it when they cannot be captured, and what it says at its end. */
import { describe, expect, test } from 'vitest';
import { within } from '../../support/own-time.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { waitUntil } from '../../support/real-daemon.ts';
import { COUNTS } from './support/fake-workspaces.ts';
import { Stage } from './support/turn-stage.ts';

const refused = () => Promise.reject(new ProtocolError('REFUSED', 'the home directory is not captured.'));
const broken = () => Promise.reject(new ProtocolError('STORAGE_FULL', 'the disk is full'));

/** Something that comes when the test says so. */
function gate(): { come: () => void; reached: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { come: resolve, reached: promise };
}

/** Whether the model has made a call, which then waits for the files. */
async function hasCalled(stage: Stage, session: string): Promise<boolean> {
  return (await stage.entries(session)).filter(({ type }) => type === 'message').length > 1;
}

const withoutIds = (asked: readonly string[]): string[] => asked.map((what) => what.replace(/-\d+-\w{26}$/, ''));

describe('a turn that changes files', () => {
  test('captures them before the first change and after the last one, and says so directly before its end', async () => {
    const stage = await Stage.open();
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      await turn.call('command', 'make');
      return 'done';
    });
    await stage.rest(session);
    expect(withoutIds(stage.workspaces.asked)).toEqual([
      'take 1-pre',
      'begin files edit',
      'end files edit',
      'begin command command',
      'end command command',
      'post 1',
    ]);
    expect(await stage.said(session)).toEqual([
      {
        turn: 1,
        entry: { restorable: true, reason: '', ...COUNTS },
        next: expect.objectContaining({ state: 'completed' }),
      },
    ]);
  });

  test('waits for the capture with its first change, and neither the model nor what only reads does', async () => {
    const stage = await Stage.open();
    const capture = gate();
    stage.workspaces.instead.take = () => capture.reached;
    const steps: string[] = [];
    const session = await stage.begin(async (turn) => {
      turn.journal.text('words');
      steps.push(`read ${await turn.call('read', 'a.txt')}`);
      await turn.call('edit', 'a.txt', () => Promise.resolve(void steps.push('edit')));
      return 'done';
    });
    await waitUntil('the reading is done', () => steps.length > 0);
    await waitUntil('the call is in the log', async () => (await stage.entries(session)).length >= 6);
    expect(steps).toEqual(['read done']);
    capture.come();
    await stage.rest(session);
    expect(steps).toEqual(['read done', 'edit']);
    expect((await stage.said(session))[0]?.entry.restorable).toBe(true);
  });

  test('goes on without after the deadline, tells the thread that it is too late, and that there is no way back', async () => {
    const stage = await Stage.open({ waitMs: 20 });
    const capture = gate();
    stage.workspaces.instead.take = () => capture.reached;
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await waitUntil('the turn has gone on', () => stage.workspaces.asked.includes('too late 1-pre'));
    await stage.rest(session);
    const [said] = await stage.said(session);
    expect(said?.entry).toMatchObject({
      restorable: false,
      reason: 'capturing the files took longer than 1 seconds',
      files: 1,
    });
    // What would be told now would wait behind the capture.
    expect(stage.workspaces.asked).toEqual(['take 1-pre', 'too late 1-pre']);
    capture.come();
  });

  test('is accounted for again as soon as the thread has let go of what it was too late for', async () => {
    const stage = await Stage.open({ waitMs: 20 });
    const capture = gate();
    stage.workspaces.instead.take = () => capture.reached;
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      capture.come();
      await new Promise((resolve) => setImmediate(resolve));
      await turn.call('command', 'make');
      return 'done';
    });
    await stage.rest(session);
    const after = ['take 1-pre', 'too late 1-pre', 'begin command command', 'end command command', 'post 1'];
    expect(withoutIds(stage.workspaces.asked)).toEqual(after);
    expect(await stage.said(session)).toMatchObject([{ entry: { ...COUNTS, restorable: false } }]);
  });

  test('is not captured when its thread comes too late, and accounted for from then on', async () => {
    const stage = await Stage.open({ waitMs: 20 });
    const thread = gate();
    stage.workspaces.instead.of = () => thread.reached;
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      thread.come();
      await new Promise((resolve) => setImmediate(resolve));
      await turn.call('command', 'make');
      return 'done';
    });
    await stage.rest(session);
    const after = ['begin command command', 'end command command', 'post 1'];
    expect(withoutIds(stage.workspaces.asked)).toEqual(after);
    expect(await stage.said(session)).toMatchObject([{ entry: { restorable: false } }]);
  });

  test('goes on at once when a person gives the capture up, and says that it cannot be taken back', async () => {
    const stage = await Stage.open();
    const capture = gate();
    stage.workspaces.instead.take = () => capture.reached;
    expect(stage.keeper.giveUp('nobody')).toEqual({ turn: null });
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await waitUntil('the call is in the log', () => hasCalled(stage, session));
    expect(stage.keeper.giveUp(session)).toEqual({ turn: 1, phase: 'pre' });
    expect(stage.keeper.giveUp(session)).toEqual({ turn: null });
    await stage.rest(session, 4_000);
    expect(await stage.said(session)).toMatchObject([
      { entry: { restorable: false, reason: 'given up by you', files: 1 }, next: { state: 'completed' } },
    ]);
    expect(stage.workspaces.asked).toEqual(['take 1-pre', 'too late 1-pre']);
    capture.come();
  });

  test('is asked about once more in the mode `ask` when the capture was given up', async () => {
    const stage = await Stage.open();
    const capture = gate();
    stage.workspaces.instead.take = () => capture.reached;
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'), 'ask');
    await waitUntil('the capture', () => stage.workspaces.asked.includes('take 1-pre'));
    stage.keeper.giveUp(session);
    const { reasons } = await stage.question(session);
    expect(reasons.join()).toContain('The files cannot be brought back afterwards: given up by you.');
    await stage.answer(session, 'allow');
    await stage.rest(session);
    expect(stage.keeper.giveUp(session)).toEqual({ turn: null });
    capture.come();
  });

  test('is cancelled at once while it waits, and the capture goes on for whoever comes next', async () => {
    const stage = await Stage.open();
    const capture = gate();
    const late = new AbortController();
    stage.workspaces.instead.take = () => capture.reached;
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await waitUntil('the call is in the log', () => hasCalled(stage, session));
    const tooLong = setTimeout(() => late.abort(), 3_000);
    expect(await stage.turns.cancel(session, undefined)).toBe(1);
    clearTimeout(tooLong);
    expect([late.signal.aborted, stage.workspaces.stored.size, stage.workspaces.asked]).toEqual([
      false,
      0,
      ['take 1-pre'],
    ]);
    expect(stage.keeper.giveUp(session)).toEqual({ turn: null });
    capture.come();
    await waitUntil('the capture is there', () => stage.workspaces.stored.has('1-pre'));
  });

  test('captures the end of a turn before the beginning of the next one', async () => {
    const stage = await Stage.open();
    const post = gate();
    stage.workspaces.instead.post = () => post.reached;
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await stage.next(session, () => Promise.resolve('done'));
    await waitUntil('the first turn ends', () => stage.workspaces.asked.includes('post 1'));
    expect(stage.workspaces.asked).not.toContain('take 2-pre');
    post.come();
    await stage.rest(session);
    const order = stage.workspaces.asked.filter((what) => /post|pre/.test(what));
    expect(order).toEqual(['take 1-pre', 'post 1', 'take 2-pre', 'post 2']);
  });

  test('ends at once when a person does not want to wait for the files after it, which are captured all the same', async () => {
    const stage = await Stage.open();
    const post = gate();
    stage.workspaces.instead.post = () => post.reached;
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await waitUntil('the turn ends', () => stage.workspaces.asked.includes('post 1'));
    expect(stage.keeper.giveUp(session)).toEqual({ turn: 1, phase: 'post' });
    await stage.rest(session, 4_000);
    expect(await stage.said(session)).toMatchObject([
      { entry: { restorable: true, files: 1 }, next: { state: 'completed' } },
    ]);
    expect(stage.workspaces.asked).not.toContain('too late 1-pre');
    expect(stage.keeper.giveUp(session)).toEqual({ turn: null });
    post.come();
  });

  test.each([
    ['refused', 'of', refused, 'the home directory is not captured'],
    ['impossible', 'take', broken, 'the disk is full'],
  ] as const)('goes on where the capture is %s, and is marked', async (_what, step, failure, reason) => {
    const stage = await Stage.open();
    stage.workspaces.instead[step] = failure;
    const outputs: string[] = [];
    const session = await stage.begin(async (turn) => {
      outputs.push(await turn.call('edit', 'a.txt'), await turn.call('command', 'make'));
      return 'done';
    }, 'full');
    await stage.rest(session);
    expect(outputs).toEqual(['done', 'done']);
    expect((await stage.said(session))[0]).toMatchObject({
      entry: { restorable: false, reason, files: 1 },
      next: { state: 'completed' },
    });
    expect(stage.reported).toEqual([]);
  });

  test('is marked when what a call changed could not be recorded, and the call is done all the same', async () => {
    const stage = await Stage.open();
    stage.workspaces.instead.begin = broken;
    const session = await stage.begin((turn) => turn.call('command', 'make'));
    await stage.rest(session);
    const [said] = await stage.said(session);
    expect(said?.entry).toMatchObject({ restorable: false, ...COUNTS });
    expect(said?.entry.reason).toContain('could not be recorded: the disk is full');
  });

  test('has no entry when snapshots are off', async () => {
    const stage = await Stage.open({ enabled: false });
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await stage.rest(session);
    expect([await stage.said(session), stage.workspaces.asked]).toEqual([[], []]);
  });
});

describe('the end of a turn', () => {
  test('says what a cancelled turn has changed', async () => {
    const stage = await Stage.open();
    const reached = gate();
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      reached.come();
      await new Promise((_resolve, reject) => {
        turn.signal.addEventListener('abort', () => reject(turn.signal.reason as Error));
      });
      return 'never';
    });
    await reached.reached;
    expect(await stage.turns.cancel(session, undefined)).toBe(1);
    expect(await stage.said(session)).toMatchObject([
      { entry: { restorable: true, ...COUNTS }, next: { state: 'cancelled' } },
    ]);
  });

  test('has the last reply in the log before the files are captured', async () => {
    const stage = await Stage.open();
    const post = gate();
    stage.workspaces.instead.post = () => post.reached;
    const session = await stage.begin(() => Promise.resolve('the last words'));
    await waitUntil('the files are captured', () => stage.workspaces.asked.includes('post 1'));
    const [last] = (await stage.entries(session)).slice(-1);
    expect(last).toMatchObject({ type: 'message', body: expect.stringContaining('the last words') });
    post.come();
    await stage.rest(session);
  });

  test('says what a failed turn has changed', async () => {
    const stage = await Stage.open();
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      throw new ProtocolError('REFUSED', 'no');
    });
    await stage.rest(session);
    expect(await stage.said(session)).toMatchObject([{ entry: COUNTS, next: { state: 'failed' } }]);
  });

  test('comes also when the files cannot be captured again, with what is known', async () => {
    const stage = await Stage.open();
    stage.workspaces.instead.post = broken;
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await stage.rest(session);
    expect(await stage.said(session)).toMatchObject([
      { entry: { restorable: true, files: 1, added: 0 }, next: { state: 'completed' } },
    ]);
  });

  test('comes soon for a turn that has changed nothing, although its files are still being captured', async () => {
    const stage = await Stage.open();
    const capture = gate();
    stage.workspaces.instead.take = () => capture.reached;
    const session = await stage.begin((turn) => turn.call('read', 'a.txt'));
    await waitUntil('the turn has ended', () => !stage.turns.isBusy(session), 4_000);
    expect(await stage.said(session)).toEqual([]);
    capture.come();
  });

  test('waits no longer for the files when the daemon leaves', async () => {
    const stage = await Stage.open();
    stage.workspaces.instead.post = () => new Promise(() => undefined);
    const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
    await waitUntil('the turn ends', () => stage.workspaces.asked.includes('post 1'));
    await within(1_500, stage.turns.leave('paused'));
    expect(await stage.said(session)).toMatchObject([{ next: { state: 'completed' } }]);
  });
});

test('a turn that goes on in the next daemon gives its capture up, says nothing of files and is not reported', async () => {
  const stage = await Stage.open();
  stage.workspaces.instead.take = () => new Promise(() => undefined);
  const session = await stage.begin((turn) => turn.call('edit', 'a.txt'));
  await waitUntil('the capture has begun', () => stage.workspaces.asked.length > 0);
  await stage.turns.leave('paused');
  expect([await stage.said(session), stage.reported]).toEqual([[], []]);
  expect((await stage.vault.head(session)).status).toBe('running');
});

/** Takes the turn up as the next daemon does. */
async function goOn(stage: Stage, session: string, mayHaveChanged = true): Promise<void> {
  const head = await stage.vault.head(session);
  await stage.turns.runnerOf(head).takeUp(async () => {
    const { opId, turn } = { opId: session, turn: 1 };
    const body = JSON.stringify({ state: 'running', model: 'test/test' });
    const entries = [{ type: 'turn' as const, turn, at: Date.now(), body, isMessage: false }];
    await stage.vault.append({ opId, sessionId: session, entries, patch: { status: 'running' } });
    return { turn, step: 2, unattended: false, mayHaveChanged };
  });
  await stage.rest(session);
}

describe('a turn that goes on', () => {
  /** A turn of which one step stands. */
  async function interrupted(stage: Stage): Promise<string> {
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      throw new ProtocolError('REFUSED', 'no');
    });
    await stage.rest(session);
    stage.workspaces.asked.length = 0;
    return session;
  }

  test('keeps the capture from before its first step', async () => {
    const stage = await Stage.open();
    const session = await interrupted(stage);
    await goOn(stage, session);
    expect(withoutIds(stage.workspaces.asked)).toEqual(['take 1-pre', 'begin files edit', 'end files edit', 'post 1']);
    expect((await stage.said(session)).at(-1)?.entry.restorable).toBe(true);
  });

  test('is captured now when nothing of it stands that may have changed files', async () => {
    const stage = await Stage.open();
    const session = await interrupted(stage);
    stage.workspaces.stored.clear();
    await goOn(stage, session, false);
    expect(stage.workspaces.asked).toContain('take 1-pre');
    expect((await stage.said(session)).at(-1)?.entry.restorable).toBe(true);
  });

  test('is not captured as it is now, when it was not captured before its first step', async () => {
    const stage = await Stage.open();
    const session = await interrupted(stage);
    stage.workspaces.stored.clear();
    await goOn(stage, session);
    expect(stage.workspaces.asked).not.toContain('take 1-pre');
    expect((await stage.said(session)).at(-1)?.entry).toMatchObject({
      restorable: false,
      reason: 'the files were not captured when this turn began',
    });
  });
});

test('a turn whose last reply stands is ended, and the model is not asked again', async () => {
  const stage = await Stage.open();
  let answers = 0;
  const session = await stage.begin(() => Promise.resolve(`answer ${(answers += 1)}`));
  await stage.rest(session);
  await goOn(stage, session);
  const entries = await stage.entries(session);
  expect(answers).toBe(1);
  expect(entries.filter(({ type }) => type === 'message')).toHaveLength(2);
  expect(entries.slice(-2).map(({ type, body }) => [type, (JSON.parse(body) as { state?: string }).state])).toEqual([
    ['snapshot', undefined],
    ['turn', 'completed'],
  ]);
});

describe('in the mode ask', () => {
  const sentence = 'The files cannot be brought back afterwards: the disk is full.';

  test('a person is told with the first change that it cannot be taken back, and once a turn', async () => {
    const stage = await Stage.open();
    stage.workspaces.instead.take = broken;
    const session = await stage.begin(async (turn) => {
      await turn.call('edit', 'a.txt');
      await turn.call('edit', 'b.txt');
      return 'done';
    }, 'ask');
    expect((await stage.question(session)).reasons).toEqual([sentence]);
    await stage.answer(session, 'allow');
    await waitUntil('the second question', () => stage.approvals.pending(session)[0]?.question.title === 'b.txt');
    expect((await stage.question(session)).reasons).toEqual([]);
    await stage.answer(session, 'allow');
    await stage.rest(session);
  });

  test('a change is asked about again that was allowed for the session, and goes on being asked until it is allowed', async () => {
    const stage = await Stage.open();
    const session = await stage.begin((turn) => turn.call('command', 'make'), 'ask');
    await stage.answer(session, 'allow', 'session');
    await stage.rest(session);
    const outputs: string[] = [];
    const again = async (turn: Parameters<Parameters<Stage['begin']>[0]>[0]) => {
      for (let count = 0; count < 3; count += 1) outputs.push(await turn.call('command', 'make'));
      return 'done';
    };
    await stage.next(session, again);
    await stage.rest(session);
    expect(outputs.splice(0)).toEqual(['done', 'done', 'done']);
    stage.workspaces.instead.take = broken;
    await stage.next(session, again);
    expect((await stage.question(session)).reasons).toEqual([sentence]);
    await stage.answer(session, 'reject');
    await waitUntil('the call was rejected', () => outputs.length === 1);
    expect((await stage.question(session)).reasons).toEqual([sentence]);
    await stage.answer(session, 'allow');
    await stage.rest(session);
    expect(outputs).toEqual([expect.stringContaining('rejected'), 'done', 'done']);
  });

  test('a workspace that is never captured is asked about once a session', async () => {
    const stage = await Stage.open();
    const once = (turn: Parameters<Parameters<Stage['begin']>[0]>[0]) => turn.call('command', 'make');
    stage.workspaces.instead.of = refused;
    const session = await stage.begin(once, 'ask');
    expect((await stage.question(session)).reasons).toEqual([
      'The files cannot be brought back afterwards: the home directory is not captured.',
    ]);
    await stage.answer(session, 'allow', 'session');
    await stage.rest(session);
    await stage.next(session, once);
    await stage.rest(session);
    expect(await stage.said(session)).toMatchObject([
      { entry: { restorable: false } },
      { entry: { restorable: false } },
    ]);
  });

  test('what reads is not asked about', async () => {
    const stage = await Stage.open();
    stage.workspaces.instead.take = broken;
    const session = await stage.begin((turn) => turn.call('read', 'a.txt'), 'ask');
    await stage.rest(session);
    expect((await stage.said(session))[0]?.entry.restorable).toBe(false);
  });
});
