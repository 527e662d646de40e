import { expect, test } from 'vitest';
import type { Dialogue } from '../../../client/files/dialogue.ts';
import { planLines } from '../../../client/files/plan-lines.ts';
import { restoreFiles, type RestoreWish } from '../../../client/files/restoring.ts';
import { resultLines } from '../../../client/files/result-lines.ts';
import type { RestorePlan } from '../../../protocol/snapshot.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { plan, planWithConflict, result, withRestores } from '../../support/snapshot-samples.ts';

const WISH: RestoreWish = {
  params: { sessionId: 's', target: { kind: 'turn', turn: 3, phase: 'pre' } },
  what: 'the files from before turn 3',
  done: 'they are back',
  isDry: false,
};

/** A person who answers in order. */
function person(...answers: string[]) {
  const asked: string[] = [];
  const shown: string[] = [];
  const dialogue: Dialogue = {
    show: async (pages) => {
      for await (const page of pages) shown.push(...page.map(({ text }) => text));
    },
    choose: async (question, choices, otherwise) => {
      asked.push(`${question} ${choices.map(({ key }) => key).join('')}, else ${otherwise}`);
      return answers.shift() ?? otherwise;
    },
  };
  return { dialogue, asked, shown };
}

async function restore(plans: RestorePlan[], dialogue: Dialogue | undefined, wish = WISH, restored = result()) {
  const daemon = new FakeDaemon();
  withRestores(daemon, plans, restored);
  const printed: string[] = [];
  const lines = (shown: readonly { text: string }[]): void => void printed.push(...shown.map(({ text }) => text));
  const outcome = await restoreFiles({ client: daemon.connect(), dialogue, lines }, wish);
  const params = (method: string) => daemon.calls.filter((call) => call.method === method).map((call) => call.params);
  return { ...outcome, printed, plans: params('restore/plan'), applied: params('restore/apply') };
}

test('a plan is shown, the number of its files is asked about, and yes does it', async () => {
  const { dialogue, asked, shown } = person('y');
  const { state, applied, printed, exitCode } = await restore([plan()], dialogue);
  expect(shown[0]).toBe('the files from before turn 3: 1 file: 1 changed');
  expect(asked).toEqual(['restore 1 file? yn, else n']);
  expect(applied).toMatchObject([{ sessionId: 's', planId: 'p1' }]);
  expect(printed).toEqual(['1 file restored', 'they are back']);
  expect({ state, exitCode }).toEqual({ state: 'done', exitCode: 0 });
});

test('anything but yes changes nothing', async () => {
  const { state, applied, printed } = await restore([plan()], person().dialogue);
  expect({ state, applied }).toEqual({ state: 'declined', applied: [] });
  expect(printed).toEqual(['nothing was changed']);
});

test('a dry run neither asks nor does anything', async () => {
  const { dialogue, asked } = person('y');
  const { state, applied, exitCode } = await restore([planWithConflict()], dialogue, { ...WISH, isDry: true });
  expect({ state, applied, asked, exitCode }).toEqual({ state: 'planned', applied: [], asked: [], exitCode: 0 });
});

test('when there is nothing to do nothing is applied, so that the restore before can still be taken back', async () => {
  const empty = plan({ files: [], counts: { create: 0, change: 0, delete: 0, kept: 0, conflicts: 0 } });
  const { dialogue, asked, shown } = person('y');
  expect(await restore([empty], dialogue)).toMatchObject({ state: 'nothing', applied: [], exitCode: 0 });
  expect({ asked, shown }).toEqual({ asked: [], shown: ['the files from before turn 3: nothing to do'] });
});

test('where nobody is asked conflicts are kept, and the exit code says so', async () => {
  const restored = result({ kept: 1, conflicts: 1 });
  const { exitCode, applied, printed } = await restore([planWithConflict()], undefined, WISH, restored);
  expect(exitCode).toBe(5);
  expect(applied).toMatchObject([{ planId: 'p-conflict' }]);
  expect(printed).toContain('1 file restored, 1 kept, 1 conflict kept');
  expect(printed).toContain('  both.txt: changed by the session, and by you or others');
});

test('conflicts alone are no success either', async () => {
  const only = { ...planWithConflict(), files: [] };
  expect(await restore([only], undefined)).toMatchObject({ state: 'nothing', exitCode: 5 });
});

test('a person decides about conflicts: keeping them needs no other plan', async () => {
  const { dialogue, asked } = person('k', 'y');
  const { plans, exitCode } = await restore([planWithConflict()], dialogue, WISH, result({ kept: 1, conflicts: 1 }));
  expect(asked[0]).toBe('1 file changed by the session and others: ko, else k');
  expect({ plans: plans.length, exitCode }).toEqual({ plans: 1, exitCode: 0 });
});

test('overwriting is planned again, and the new plan is what is applied', async () => {
  const { dialogue, asked } = person('o', 'y');
  const next = plan({ planId: 'p2', files: [...plan().files, ...plan().files] });
  const { plans, applied, printed } = await restore([planWithConflict(), next], dialogue);
  expect(plans[1]).toEqual({ ...WISH.params, overwrite: ['both.txt'] });
  expect(printed[0]).toContain('with 1 file overwritten: 2 files');
  expect(asked[1]).toBe('restore 2 files? yn, else n');
  expect(applied).toMatchObject([{ planId: 'p2' }]);
});

test('several conflicts can be decided one by one', async () => {
  const kept = ['x\udc80', 'b\n', 'c'].map((path) => ({ path, reason: 'conflict' as const }));
  const many = plan({ kept, counts: { create: 0, change: 1, delete: 0, kept: 3, conflicts: 3 } });
  const { dialogue, asked } = person('e', 'y', 'n', 'y', 'y');
  const { plans } = await restore([many, plan()], dialogue);
  expect(asked.slice(1, 4)).toEqual([
    'overwrite x\ufffd? yn, else n',
    'overwrite "b\\n"? yn, else n',
    'overwrite c? yn, else n',
  ]);
  // The name as it came, not as it was shown.
  expect(plans[1]).toMatchObject({ overwrite: ['x\udc80', 'c'] });
});

test('a long path leaves room for the answers', async () => {
  const kept = ['a'.repeat(300) + '/end.ts', 'b'].map((path) => ({ path, reason: 'conflict' as const }));
  const { dialogue, asked } = person('e', 'n', 'n', 'n');
  await restore([plan({ kept })], dialogue);
  expect(asked[1]).toBe(`overwrite …${'a'.repeat(52)}/end.ts? yn, else n`);
});

test('what later turns of the session changed is said to be theirs', async () => {
  const conflict = (path: string, by?: 'session') => ({ path, reason: 'conflict' as const, ...(by && { by }) });
  const question = async (...kept: ReturnType<typeof conflict>[]) => {
    const { dialogue, asked } = person('k', 'n');
    await restore([plan({ kept })], dialogue);
    return asked[0];
  };
  expect(await question(conflict('a', 'session'))).toMatch(/^1 file changed again by later turns: /);
  expect(await question(conflict('a', 'session'), conflict('b'))).toMatch(
    /^2 files changed since, by later turns and others: /,
  );
  const lines = planLines(plan({ kept: [conflict('a', 'session')] }), 'x').map(({ text }) => text);
  expect(lines).toContain('  a: changed again by a later turn of this session');
});

test('hundreds of conflicts are not asked about one by one', async () => {
  const kept = Array.from({ length: 300 }, (_, index) => ({ path: `f${index}`, reason: 'conflict' as const }));
  const { dialogue, asked } = person('k', 'n');
  await restore([plan({ kept })], dialogue);
  expect(asked[0]).toBe('300 files changed by the session and others: ko, else k');
});

test('a file that could not be restored is named with the reason, and the exit code is 1', async () => {
  const restored = result({
    files: [{ path: 'a\x1b', outcome: 'left', reason: 'it has changed\x07 since the plan' }],
    left: 2,
    restored: 0,
    conflicts: 1,
    kept: 1,
  });
  const { exitCode, printed } = await restore([planWithConflict()], undefined, WISH, restored);
  expect(exitCode).toBe(1);
  expect(printed.slice(-3)).toEqual([
    '  left as it is: "a\\u{1b}": it has changed␇ since the plan',
    '  … 1 more were left as they are',
    '0 files restored, 2 could not be, 1 kept, 1 conflict kept',
  ]);
});

test('a plan names what happens to each file, warns first, and lists conflicts before what is merely kept', () => {
  const whole = plan({
    files: [
      { path: 'new.txt', action: 'delete', byShell: true, added: 0, removed: 4 },
      { path: 'old.txt', action: 'create', byShell: false, added: 0, removed: 0 },
      { path: 'run.sh', action: 'mode', byShell: false, added: 0, removed: 0 },
      { path: 'link', action: 'replace', byShell: false, added: 0, removed: 0 },
    ],
    filesMore: 2,
    kept: [
      { path: 'mine', reason: 'yours' },
      { path: 'both', reason: 'conflict' },
      { path: 'who', reason: 'ambiguous' },
      { path: 'tmp', reason: 'ignored' },
      { path: 'big', reason: 'skipped' },
    ],
    keptMore: 7,
    counts: { create: 1, change: 0, delete: 1, kept: 11, conflicts: 1 },
    warnings: ['HEAD has moved\x1b'],
  });
  expect(planLines(whole, 'x').map(({ text }) => text)).toEqual([
    'x: 6 files: 1 brought back, 1 deleted; 11 kept, 1 conflict kept',
    '! HEAD has moved␛',
    '  goes           new.txt (+0 -4, by shell)',
    '  comes back     old.txt',
    '  gets its mode  run.sh',
    '  is replaced    link',
    '  … 2 more files',
    'kept as they are:',
    '  both: changed by the session, and by you or others',
    '  mine: not changed by this session',
    '  who: not known who changed it',
    '  tmp: ignored',
    '  big: not captured',
    '  … 7 more',
  ]);
});

test('files that were not brought back are not claimed to be', () => {
  const text = (change: Parameters<typeof result>[0]): string[] =>
    resultLines(result(change), 'done').map((line) => line.text);
  expect(text({ restored: 0, deleted: 1 })).toEqual(['1 file deleted', 'done']);
  expect(text({ restored: 2, deleted: 1 })).toEqual(['2 files restored, 1 deleted', 'done']);
  expect(text({ conflicts: 2 })).toEqual(['1 file restored, 2 conflicts kept', 'but for 2 files, done']);
});

test('what is true now is only said when something was done', () => {
  expect(resultLines(result({ restored: 0, files: [] }), 'done').map(({ text }) => text)).toEqual(['0 files restored']);
});
