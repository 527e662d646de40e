import { expect, test } from 'vitest';
import type { CommandContext } from '../../../client/commands/command.ts';
import { COMMANDS, findCommand, readTyped, runCommand } from '../../../client/commands/registry.ts';
import { ShownList } from '../../../client/commands/shown-list.ts';
import { Talk } from '../../../client/conversation/talk.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';

function frontend(daemon = new FakeDaemon()) {
  const client = daemon.connect();
  const printed: string[] = [];
  let hasLeft = false;
  const talk = new Talk(client, { workspace: '/work', tell: () => {} });
  const context: CommandContext = {
    client,
    talk,
    shown: new ShownList(),
    columns: 200,
    print: (text) => void printed.push(text),
    lines: (lines) => void printed.push(...lines.map(({ text }) => text)),
    leave: () => {
      hasLeft = true;
    },
  };
  return {
    daemon,
    talk,
    context,
    hasLeft: () => hasLeft,
    /** Runs a command and returns what it printed. */
    run: async (line: string): Promise<string> => {
      printed.length = 0;
      const typed = readTyped(line);
      if (typed.kind !== 'command') throw new Error(`${line} is no command`);
      await runCommand(context, typed.name, typed.argument);
      return printed.join('\n');
    },
    /** Gives a prompt and waits for its answer. */
    say: async (text: string): Promise<void> => {
      const { turn } = await talk.submit(text);
      await talk.conversation?.turns.whenOver(turn);
    },
  };
}

test.each([
  ['hello', { kind: 'prompt', text: 'hello' }],
  ['/save a name', { kind: 'command', name: 'save', argument: 'a name' }],
  ['/SAVE', { kind: 'command', name: 'save', argument: '' }],
  ['  ', { kind: 'nothing' }],
  ['//etc/passwd is odd', { kind: 'prompt', text: '/etc/passwd is odd' }],
  ['/several\nlines', { kind: 'prompt', text: '/several\nlines' }],
  [' /not a command', { kind: 'prompt', text: ' /not a command' }],
])('%j is read as %j', (text, typed) => {
  expect(readTyped(text)).toEqual(typed);
});

test.each([
  ['s', 'save'],
  ['r', 'reset'],
  ['quit', 'exit'],
  ['x', 'exit'],
])('/%s is short for /%s', (alias, name) => {
  expect(findCommand(alias)?.name).toBe(name);
});

test('no two commands answer to one name', () => {
  const names = COMMANDS.flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]);
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  ['/sesions', 'sessions'],
  ['/hlep', 'help'],
  ['/resum', 'resume'],
])('%s asks whether /%s was meant, and sends nothing', async (typed, meant) => {
  const { run, daemon } = frontend();
  expect(await run(typed)).toBe(
    `unknown command ${typed}; did you mean /${meant}?\na prompt that begins with a slash is sent with //`,
  );
  expect(daemon.calls).toEqual([]);
});

test('a command that is like no other points to /help', async () => {
  expect(await frontend().run('/wibble')).toContain('unknown command /wibble; /help lists the commands');
});

test('/save says id and length, and refuses when there is nothing to save', async () => {
  const { run, say } = frontend();
  await expect(run('/save')).rejects.toMatchObject({ kind: 'EMPTY', message: 'there is nothing to save yet' });
  await say('hello');
  expect(await run('/save')).toBe('session saved: 2025-07-04_12-30 (2 messages)');
  expect(await run('/s fixing auth')).toBe('session saved: 2025-07-04_12-30_fixing auth (2 messages)');
});

test('/sessions lists to the letter, and says so when there is nothing', async () => {
  const { run, say } = frontend();
  expect(await run('/sessions')).toBe('no saved sessions');
  await say('hello');
  await run('/save');
  const [heading, first, second, footer] = (await run('/sessions')).split('\n');
  expect(heading).toBe('saved sessions (2):');
  expect(first).toMatch(/^ {2}1\) _autosave {2}/);
  expect(second).toMatch(/^ {2}2\) 2025-07-04_12-30 {2}/);
  expect(footer).toBe('use /resume <id or number> to restore');
});

test('/resume takes a number of the list that was shown, an id, and the beginning of one', async () => {
  const { run, say, talk } = frontend();
  await say('hello');
  await run('/save');
  await run('/sessions');
  expect(await run('/resume 2')).toBe('resumed session 2025-07-04_12-30 (2 messages, demo/offline)');
  expect(talk.target).toMatchObject({ kind: 'save' });
  expect(await run('/resume _autosave')).toBe('resumed session _autosave (2 messages, demo/offline)');
  expect(talk.target).toMatchObject({ kind: 'session' });
  expect(await run('/resume 2025')).toBe('pick a number between 1 and 2');
  expect(await run('/resume 2025-07')).toBe('resumed session 2025-07-04_12-30 (2 messages, demo/offline)');
  await expect(run('/resume nothing')).rejects.toMatchObject({ message: 'session not found: nothing' });
});

test('a number without a list means the list that /sessions would show', async () => {
  const daemon = new FakeDaemon();
  await frontend(daemon).say('hello');
  const { run } = frontend(daemon);
  expect(await run('/resume 1')).toBe('resumed session _autosave (2 messages, demo/offline)');
  expect(await frontend().run('/resume 1')).toBe('no saved sessions');
});

test('nothing but reading happens until the prompt after a resume', async () => {
  const { run, say, daemon } = frontend();
  await say('hello');
  await run('/save');
  const before = daemon.calls.length;
  await run('/resume 2025-07');
  await run('/resume _autosave');
  const methods = daemon.calls.slice(before).map(({ method }) => method);
  expect(new Set(methods)).toEqual(new Set(['session/resolve', 'save/messages']));
});

test('the next prompt at a save goes to the save', async () => {
  const { run, say, daemon } = frontend();
  await say('hello');
  await run('/save');
  await run('/resume 2025-07');
  await say('on');
  const submits = daemon.calls.filter(({ method }) => method === 'turn/submit').map(({ params }) => params);
  expect(submits.at(-1)).toMatchObject({ target: { kind: 'save', saveId: '2025-07-04_12-30' } });
});

test('/reset leaves the session, which is then _autosave, and begins another', async () => {
  const { run, say, talk, daemon } = frontend();
  await say('hello');
  const { target } = talk;
  const left = target.kind === 'session' ? target.sessionId : '';
  expect(await run('/reset')).toBe('(history cleared)\n/resume _autosave brings it back');
  expect(talk.left).toBe(left);
  await say('anew');
  expect(talk.target).not.toMatchObject({ sessionId: left });
  await run('/sessions');
  expect(daemon.calls.findLast(({ method }) => method === 'session/catalog')?.params).toMatchObject({ left });
  await run('/resume _autosave');
  expect(talk.target).toEqual({ kind: 'session', sessionId: left });
  expect(talk.left).toBeUndefined();
});

test('/history pages, and its numbers go on', async () => {
  const daemon = new FakeDaemon();
  for (let index = 0; index < 45; index += 1) daemon.newSession();
  const { run, talk } = frontend(daemon);
  const first = await run('/history');
  expect(first).toMatch(/^sessions \(45\):\n {2}1\) /);
  expect(first).toMatch(/20 sessions shown, \/more shows the next$/);
  expect(await run('/more')).toMatch(/^ {2}21\) /);
  expect(await run('/more')).toMatch(/^ {2}41\) [^]*\n {2}45\) [^]*use \/resume <id or number> to restore$/);
  expect(await run('/more')).toBe('nothing more to show');
  await run('/resume 45');
  expect(talk.target).toEqual({ kind: 'session', sessionId: [...daemon.sessions.keys()][0] });
});

test('/history with words that match nothing says so', async () => {
  expect(await frontend().run('/history auth bug')).toBe('no session matches: auth bug');
});

test('/fork goes on in a session of its own and says how to go back', async () => {
  const { run, say, talk } = frontend();
  await say('one');
  await say('two');
  const before = talk.target;
  const [first, second] = (await run('/fork 1')).split('\n');
  expect(first).toMatch(/^forked session \S+ after turn 1 \(2 messages\)$/);
  expect(second).toBe(`/resume ${before.kind === 'session' ? before.sessionId : ''} goes back to the original`);
  expect(talk.target).not.toEqual(before);
  await expect(run('/fork x')).rejects.toMatchObject({ kind: 'INVALID_PARAMS' });
});

test.each(['/fork', '/archive', '/pin', '/rename title'])('%s needs a session', async (line) => {
  await expect(frontend().run(line)).rejects.toMatchObject({ kind: 'EMPTY' });
});

test('/model shows and chooses: for a session at once, before one for the first prompt', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['model/list'] = () => ({
    models: [{ id: 'local/a', provider: 'local', source: 'configured' }],
    default: 'demo/offline',
    problems: [{ provider: 'away', message: 'cannot be reached' }],
  });
  const { run, say } = frontend(daemon);
  expect(await run('/model')).toBe('model: demo/offline');
  await expect(run('/model nonsense')).rejects.toMatchObject({ kind: 'INVALID_PARAMS' });
  await expect(run('/model other/x')).rejects.toMatchObject({ kind: 'MODEL_UNKNOWN' });
  expect(await run('/model away/x')).toBe('model from the next prompt on: away/x');
  expect(await run('/model local/b')).toBe('model from the next prompt on: local/b');
  await say('hello');
  expect(await run('/model')).toBe('model: local/b');
  expect(await run('/model demo/offline')).toBe('model from the next turn on: demo/offline');
  expect(await run('/model')).toBe('model: demo/offline');
  expect(await run('/models')).toBe('  local/a  (configured)\n  away: cannot be reached');
});

test('/status says where one is and whether it is safe', async () => {
  const { run, say } = frontend();
  expect(await run('/status')).toContain('session:   a new one');
  await say('hello');
  const status = await run('/status');
  expect(status).toMatch(/^session: {3}\S+$/m);
  expect(status).toContain('storage:   saved, encrypted');
  expect(status).toContain('key:       keyfile (/data/key), unlocked');
});

test('/help names every command', async () => {
  const help = await frontend().run('/help');
  for (const { name } of COMMANDS) expect(help).toContain(`/${name}`);
});

test('/exit leaves', async () => {
  const { run, hasLeft } = frontend();
  await run('/exit');
  expect(hasLeft()).toBe(true);
});

test('two prompts at once begin one session, not two', async () => {
  const { talk, daemon } = frontend();
  await Promise.all([talk.submit('one'), talk.submit('two')]);
  expect(daemon.sessions.size).toBe(1);
});

test('a frontend watches one session at a time, and may go to the one it is in', async () => {
  const { run, say, daemon } = frontend();
  await say('one');
  await run('/reset');
  await say('two');
  const [first = '', second = ''] = daemon.sessions.keys();
  await run(`/resume ${first}`);
  expect([daemon.watching(first), daemon.watching(second)]).toEqual([1, 0]);
  await run(`/resume ${first}`);
  expect([daemon.watching(first), daemon.watching(second)]).toEqual([1, 0]);
});
