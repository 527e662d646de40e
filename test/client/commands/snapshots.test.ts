import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { CommandContext } from '../../../client/commands/command.ts';
import { helpText } from '../../../client/commands/help.ts';
import { COMMANDS, readTyped, runCommand } from '../../../client/commands/registry.ts';
import { ShownList } from '../../../client/commands/shown-list.ts';
import { Talk } from '../../../client/conversation/talk.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import {
  diffFile,
  diffPage,
  plan,
  planWithConflict,
  result,
  status,
  summary,
  withRestores,
} from '../../support/snapshot-samples.ts';

/** A conversation of two turns in /work. */
async function frontend(daemon = new FakeDaemon()) {
  const client = daemon.connect();
  const talk = new Talk(client, { workspace: '/work', tell: () => {} });
  const printed: string[] = [];
  const drafts: string[] = [];
  const codes: number[] = [];
  const context: CommandContext = {
    client,
    talk,
    shown: new ShownList(),
    columns: 40,
    print: (text) => void printed.push(...text.split('\n')),
    lines: (lines) => void printed.push(...lines.map(({ text }) => text)),
    draft: (text) => drafts.push(text) > 0,
    fell: (code) => void codes.push(code),
    leave: () => {},
  };
  daemon.overrides['turn/list'] ??= () => ({ turns: [summary(2), summary(1)], more: false });
  daemon.overrides['snapshot/diff'] ??= () => diffPage([diffFile()]);
  if (daemon.overrides['restore/plan'] === undefined) withRestores(daemon, [plan()]);
  const say = async (text: string): Promise<void> => {
    const { turn } = await talk.submit(text);
    await talk.conversation?.turns.whenOver(turn);
  };
  await say('first');
  await say('second\nof two lines');
  return {
    daemon,
    context,
    talk,
    drafts,
    codes,
    sessionId: talk.sessionId ?? '',
    run: async (line: string, its = context): Promise<string[]> => {
      printed.length = 0;
      const typed = readTyped(line);
      if (typed.kind !== 'command') throw new Error(`${line} is no command`);
      await runCommand(its, typed.name, typed.argument);
      return [...printed];
    },
    params: (method: string) => daemon.calls.findLast((call) => call.method === method)?.params,
  };
}

const point = (turn: number, phase: 'pre' | 'post') => ({ kind: 'turn', turn, phase });

test.each([
  ['/diff', { from: point(2, 'pre'), to: point(2, 'post') }, 'turn 2: 1 file (+1 -1)'],
  ['/diff 1', { from: point(1, 'pre'), to: point(1, 'post') }, 'turn 1: 1 file (+1 -1)'],
  ['/diff 1 2', { from: point(1, 'pre'), to: point(2, 'post') }, 'turns 1 to 2: 1 file (+1 -1)'],
  ['/diff 1 now', { from: point(1, 'pre') }, 'from before turn 1 to now: 1 file (+1 -1)'],
  ['/diff now', { from: point(2, 'pre') }, 'from before turn 2 to now: 1 file (+1 -1)'],
  [
    '/diff 1 src "a b"',
    { from: point(1, 'pre'), to: point(1, 'post'), paths: ['src', 'a b'] },
    'turn 1: 1 file (+1 -1)',
  ],
])('%s compares %j', async (line, params, head) => {
  const { run, params: asked, sessionId } = await frontend();
  const printed = await run(line);
  expect(asked('snapshot/diff')).toEqual({ owner: { kind: 'session', sessionId }, ...params });
  expect(printed[0]).toBe(head);
  expect(printed).toContain('+three');
});

test('/diff looks further back when nothing is known of the newest turns', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/list'] = ({ before = 9, limit = 0 }: { before?: number; limit?: number }) => {
    const turns = [8, 7, 6, 5, 4, 3, 2, 1].filter((turn) => turn < before).slice(0, limit);
    return {
      turns: turns.map((turn) => summary(turn, turn > 2 ? { snapshot: null } : {})),
      more: turns.at(-1) !== 1,
    };
  };
  const { run } = await frontend(daemon);
  expect((await run('/diff'))[0]).toBe('turn 2: 1 file (+1 -1)');
});

test('/diff says when nothing differs, and when there is no turn to look at', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['snapshot/diff'] = () => diffPage([], { added: 0, removed: 0 });
  const { run } = await frontend(daemon);
  expect(await run('/diff 1')).toEqual(['turn 1: no file differs']);
  daemon.overrides['turn/list'] = () => ({ turns: [summary(1, { snapshot: null })], more: false });
  await expect(run('/diff')).rejects.toMatchObject({ kind: 'EMPTY' });
  await expect(run('/diff 1 /etc/passwd')).rejects.toThrow('/etc/passwd is not in the workspace /work');
});

test('/restore brings the files back as they were before a turn', async () => {
  const { run, params, sessionId, codes } = await frontend();
  expect(await run('/restore 2')).toEqual([
    'the files from before turn 2: 1 file: 1 changed',
    '  changes        src/a.ts (+1 -3)',
    '1 file restored',
    'the files from before turn 2 are back; /undo takes it back',
  ]);
  expect(params('restore/plan')).toEqual({ sessionId, target: point(2, 'pre') });
  expect(params('restore/apply')).toMatchObject({ sessionId, planId: 'p1' });
  expect(codes).toEqual([]);
});

test('/restore takes the end of a turn, everything, or single files', async () => {
  const { run, params, sessionId } = await frontend();
  await run('/restore 1 --phase post --all src/a.ts "b c"');
  expect(params('restore/plan')).toEqual({
    sessionId,
    target: point(1, 'post'),
    all: true,
    paths: ['src/a.ts', 'b c'],
  });
  expect((await run('/restore 1 --phase=post'))[0]).toContain('the files from after turn 1');
});

test('/restore --dry-run only plans', async () => {
  const { run, params } = await frontend();
  expect(await run('/restore --dry-run 2')).toHaveLength(2);
  expect(params('restore/apply')).toBeUndefined();
});

test.each([
  ['/restore', '/restore needs the number of a turn', 'Type /restore 3; /turns lists them.'],
  ['/restore src', '/restore takes the number of a turn, not src', 'Type /restore 3; /turns lists them.'],
  ['/restore 0', '/restore takes the number of a turn, not 0', 'Type /restore 3; /turns lists them.'],
  ['/restore 2 --phase middle', '--phase takes pre or post, not middle', ''],
  ['/restore 2 --phase', '/restore --phase lacks its value', ''],
  [
    '/restore 2 --force',
    '/restore knows no --force',
    'It takes --phase, --dry-run, --all. A file of that name comes behind --.',
  ],
  ['/rewind', '/rewind needs the number of a turn', 'Type /rewind 3; /turns lists them.'],
  ['/rewind 2 src', '/rewind takes one turn', 'Single files come back with /restore.'],
  ['/undo 3', '/undo takes nothing but --dry-run, not 3', 'It is about the last restore.'],
  ['/fork 1 2', '/fork takes one turn, not 1 2', ''],
  ['/fork --with-files', '/fork --with-files lacks its value', ''],
  ['/turns all', '/turns takes the number of a turn, not all', 'Type /turns 21; /turns lists them.'],
])('%s is told what to type', async (line, message, hint) => {
  const { run, daemon } = await frontend();
  const before = daemon.calls.length;
  await expect(run(line)).rejects.toMatchObject({ kind: 'INVALID_PARAMS', message, hint });
  expect(daemon.calls).toHaveLength(before);
});

test('a file whose name is a flag comes behind --', async () => {
  const { run, params } = await frontend();
  await run('/restore 2 -- --all');
  expect(params('restore/plan')).toMatchObject({ paths: ['--all'] });
  expect(params('restore/plan')).not.toHaveProperty('all');
});

test('where nobody can be asked a conflict is kept and the exit code is 5; a file that was left makes it 1', async () => {
  const daemon = new FakeDaemon();
  withRestores(daemon, [planWithConflict()], result({ kept: 1, conflicts: 1 }));
  const { run, codes } = await frontend(daemon);
  await run('/restore 2');
  withRestores(daemon, [plan()], result({ left: 1 }));
  await run('/restore 2');
  expect(codes).toEqual([5, 1]);
});

test('/undo takes the last restore back', async () => {
  const { run, params, sessionId } = await frontend();
  expect((await run('/undo')).at(-1)).toBe('the last restore is taken back; /undo does it again');
  expect(params('restore/plan')).toEqual({ sessionId, target: { kind: 'undo' } });
  await expect(run('/undo --dry-run')).resolves.toHaveLength(2);
});

test('/rewind brings the files back, goes on in a fork, and gives the prompt back to be changed', async () => {
  const { run, params, talk, sessionId, drafts } = await frontend();
  const printed = await run('/rewind 2');
  expect(params('restore/plan')).toEqual({ sessionId, target: point(2, 'pre') });
  expect(params('session/fork')).toMatchObject({ sessionId, turn: 1 });
  expect(talk.sessionId).not.toBe(sessionId);
  expect(drafts).toEqual(['second\nof two lines']);
  expect(printed.slice(-2)).toEqual([`/resume ${sessionId} goes back to the original`, '/undo takes the files back']);
});

test('a prompt that cannot be put into the typed line is shown', async () => {
  const { run, context } = await frontend();
  const printed = await run('/rewind 2', { ...context, draft: () => false });
  expect(printed.slice(-3)).toEqual(['the prompt of turn 2 was:', 'second', 'of two lines']);
});

test('/rewind 1 begins a new session with the same model', async () => {
  const { run, talk, drafts, params } = await frontend();
  await run('/rewind 1');
  expect(talk.target).toEqual({ kind: 'new' });
  expect(talk.wantedModel).toBe('demo/offline');
  expect(params('session/fork')).toBeUndefined();
  expect(drafts).toEqual(['first']);
});

test('/rewind changes nothing when its plan is refused, the turn is not there, or it is a dry run', async () => {
  const { run, talk, sessionId, context, daemon } = await frontend();
  await expect(run('/rewind 7')).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  await run('/rewind 2 --dry-run');
  const dialogue = { show: async () => {}, choose: async (_question: string, _choices: unknown, no: string) => no };
  await run('/rewind 2', { ...context, dialogue });
  expect(daemon.calls.map(({ method }) => method)).not.toContain('restore/apply');
  expect(talk.sessionId).toBe(sessionId);
});

test('/rewind 1 in a session of another directory touches no file and says what to do', async () => {
  const { run, daemon, sessionId } = await frontend();
  const stored = daemon.sessions.get(sessionId);
  if (stored !== undefined) stored.session.workspace = '/other';
  await expect(run('/rewind 1')).rejects.toMatchObject({
    kind: 'CONFLICT',
    hint: expect.stringContaining('m --cwd /other'),
  });
  expect(daemon.calls.map(({ method }) => method)).not.toContain('restore/plan');
});

test('/fork --with-files writes the files of a turn out, and the fork works there', async () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'm-fork-')));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const daemon = new FakeDaemon();
  daemon.overrides['snapshot/writeOut'] = ({ destination }: { destination: string }) => {
    mkdirSync(destination);
    return { files: 3, bytes: 9 };
  };
  const { run, params, sessionId, talk } = await frontend(daemon);
  const printed = await run(`/fork 1 --with-files "${home}/a b"`);
  expect(params('snapshot/writeOut')).toEqual({ sessionId, turn: 1, phase: 'post', destination: `${home}/a b` });
  expect(params('session/fork')).toMatchObject({ sessionId, turn: 1, workspace: `${home}/a b` });
  expect(printed[0]).toBe(`3 files of turn 1 written to ${home}/a b`);
  expect(printed).toContain(`it works in ${home}/a b`);
  expect(talk.sessionId).not.toBe(sessionId);
  await talk.open(sessionId);
  await run(`/fork --with-files ${home}/newest`);
  expect(params('session/fork')).toMatchObject({ turn: 2, workspace: `${home}/newest` });
});

test('/fork without files is what it was', async () => {
  const { run, params, sessionId } = await frontend();
  await run('/fork 1');
  expect(params('session/fork')).toEqual({ opId: expect.any(String), sessionId, turn: 1 });
});

test('/turns lists what each turn did to the files, and leads to older ones', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['turn/list'] = ({ before }: { before?: number }) =>
    before === 1 ? { turns: [], more: false } : { turns: [summary(2), summary(1)], more: true };
  const { run, params } = await frontend(daemon);
  const printed = await run('/turns');
  expect(printed[0]).toMatch(/^2  .*completed/);
  expect(printed.at(-1)).toBe('/turns 1 lists older ones');
  expect(Math.max(...printed.map((row) => row.length))).toBeLessThanOrEqual(40);
  expect(await run('/turns 1')).toEqual(['no turn before 1']);
  expect(params('turn/list')).toMatchObject({ before: 1, limit: 20 });
});

test('/status says whether the files are captured, and the rest also when that is not known', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['snapshot/status'] = () => status();
  const { run, params } = await frontend(daemon);
  const known = await run('/status');
  expect(known.find((line) => line.startsWith('files:'))).toMatch(/^files: {5}1203 files captured/);
  expect(known.find((line) => line.startsWith('stored:'))).toMatch(
    /^stored: {4}\d+ snapshots?, [\d.]+ [kKM]?B on disk$/,
  );
  expect(params('snapshot/status')).toEqual({ workspace: '/work' });
  daemon.overrides['snapshot/status'] = () => {
    throw new ProtocolError('DEADLINE', 'the disk does not answer');
  };
  const printed = await run('/status');
  expect(printed).toContain('files:     not known: the disk does not answer');
  expect(printed.at(-1)).toContain('daemon:');
});

test.each(['diff', 'restore', 'undo', 'rewind', 'turns'])(
  '/%s is in the help, and asks for a session first',
  async (name) => {
    expect(helpText(COMMANDS)).toContain(`/${name} `);
    const { run, talk } = await frontend();
    await talk.reset();
    const argument = name === 'restore' || name === 'rewind' ? ' 1' : '';
    await expect(run(`/${name}${argument}`)).rejects.toMatchObject({ kind: 'EMPTY' });
  },
);

test('/skip has the turn go on without its files, and says when no turn waits for them', async () => {
  const { run, daemon, sessionId } = await frontend();
  const answers = [7, null];
  const asked: unknown[] = [];
  daemon.overrides['snapshot/giveUp'] = (params) => {
    asked.push(params);
    return { turn: answers.shift() ?? null };
  };
  await expect(run('/skip')).resolves.toEqual(['turn 7 goes on, and its files cannot be brought back']);
  await expect(run('/skip')).resolves.toEqual(['no turn waits for its files']);
  expect(asked).toEqual([{ sessionId }, { sessionId }]);
});

test('/restore brings back the files of a snapshot that was taken by hand, which has no phases', async () => {
  const { run, params, sessionId } = await frontend();
  const id = '01J0000000000000000000TAKE';
  await run(`/restore ${id.toLowerCase()} --dry-run`);
  expect(params('restore/plan')).toEqual({ sessionId, target: { kind: 'taken', id } });
  await expect(run(`/restore ${id} --phase pre`)).rejects.toMatchObject({ message: '--phase is about a turn' });
});
