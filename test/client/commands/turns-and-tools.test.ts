import { expect, test } from 'vitest';
import type { CommandContext } from '../../../client/commands/command.ts';
import { runCommand } from '../../../client/commands/registry.ts';
import { ShownList } from '../../../client/commands/shown-list.ts';
import { Talk } from '../../../client/conversation/talk.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ParamsOf } from '../../../protocol/methods.ts';
import type { Agent } from '../../../protocol/tool.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';

const AGENT: Agent = {
  name: 'reviewer',
  description: 'reads and \x1b[2Jsays',
  model: 'local/large',
  mode: 'ask',
  tools: ['read'],
  source: 'workspace',
};

function frontend(daemon = new FakeDaemon()) {
  const client = daemon.connect();
  const talk = new Talk(client, { workspace: '/work', tell: () => {} });
  let printed = '';
  const context: CommandContext = {
    client,
    talk,
    shown: new ShownList(),
    columns: 80,
    print: (text) => {
      printed += text;
    },
    lines: () => {},
    leave: () => {},
  };
  daemon.overrides['agent/list'] ??= () => ({ agents: [AGENT], problems: ['broken.md: there is no front matter'] });
  return {
    daemon,
    talk,
    /** Runs a command line. @returns what it printed. */
    run: async (line: string): Promise<string> => {
      printed = '';
      const [name = '', ...words] = line.slice(1).split(' ');
      await runCommand(context, name, words.join(' '));
      return printed;
    },
    params: (method: string) => daemon.calls.findLast((call) => call.method === method)?.params,
  };
}

test('/mode shows the mode, and chooses it for the next prompt where there is no session yet', async () => {
  const { run, talk, params } = frontend();
  expect(await run('/mode')).toBe('mode: ask (edits and commands are asked about)');
  expect(await run('/mode full')).toBe('mode: full (nothing is asked about but what may do harm)');
  expect(await run('/mode')).toContain('mode: full');
  await talk.submit('hello');
  expect(params('turn/submit')).toMatchObject({ mode: 'full' });
});

test('/mode changes a session that exists at once, and refuses what is no mode', async () => {
  const { run, talk, params } = frontend();
  const { sessionId } = await talk.submit('hello');
  await run('/mode auto-edit');
  expect(params('session/configure')).toMatchObject({ sessionId, mode: 'auto-edit' });
  expect(await run('/mode')).toContain('mode: auto-edit');
  await expect(run('/mode yolo')).rejects.toMatchObject({
    kind: 'INVALID_PARAMS',
    hint: 'Use one of ask, auto-edit, full.',
  });
});

test('/agent lists what there is and what is wrong, and chooses', async () => {
  const { run, talk, params } = frontend();
  expect(await run('/agent')).toBe(
    '  reviewer (local/large, of this workspace): reads and ␛[2Jsays\n  broken.md: there is no front matter',
  );
  expect(await run('/agent reviewer')).toBe('agent from the next turn on: reviewer');
  expect(await run('/agent')).toMatch(/^\* reviewer/);
  await talk.submit('hello');
  expect(params('turn/submit')).toMatchObject({ agent: 'reviewer' });
  expect(await run('/agent none')).toBe('no agent from the next turn on');
  expect(params('session/configure')).toMatchObject({ agent: '' });
  await expect(run('/agent writer')).rejects.toMatchObject({ kind: 'NOT_FOUND', hint: 'There is: reviewer.' });
});

test('/agent says how one is written when there is none', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['agent/list'] = () => ({ agents: [], problems: [] });
  expect(await frontend(daemon).run('/agent')).toBe('no agents; docs/AGENTS.md says how one is written');
});

test('/tools lists what a model can do, and who decides', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['tool/list'] = () => ({
    tools: [
      { name: 'read', effect: 'read', summary: 'reads a file' },
      { name: 'bash', effect: 'command', summary: 'runs a command' },
    ],
  });
  expect(await frontend(daemon).run('/tools')).toBe(
    '  read  reads  reads a file\n  bash  runs   runs a command\nmode: ask (/mode changes it)',
  );
});

test('/tools lists what the agent is given, and says that it is not all', async () => {
  const daemon = new FakeDaemon();
  daemon.overrides['tool/list'] = () => ({
    tools: [
      { name: 'read', effect: 'read', summary: 'reads a file' },
      { name: 'bash', effect: 'command', summary: 'runs a command' },
    ],
  });
  const { run } = frontend(daemon);
  await run('/agent reviewer');
  expect(await run('/tools')).toBe(
    '  read  reads  reads a file\nagent: reviewer, which is given 1 of 2 tools\nmode: ask (/mode changes it)',
  );
});

test.each(['continue', 'retry', 'leave', 'compact', 'cost', 'tools'])('/%s takes nothing', async (name) => {
  const { run, talk, daemon } = frontend();
  await talk.submit('hello');
  const before = daemon.calls.length;
  await expect(run(`/${name} x`)).rejects.toMatchObject({
    kind: 'INVALID_PARAMS',
    message: `/${name} takes nothing, not x`,
  });
  expect(daemon.calls).toHaveLength(before);
});

test.each([
  ['continue', 'turn 3 goes on'],
  ['retry', 'turn 3 begins again'],
  ['leave', 'turn 3 is left as it is'],
])('/%s is about the newest turn of the session', async (verb, words) => {
  const { run, talk, daemon, params } = frontend();
  await expect(run(`/${verb}`)).rejects.toBeInstanceOf(ProtocolError);
  const { sessionId } = await talk.submit('hello');
  const method = `turn/${verb}` as 'turn/continue';
  daemon.overrides[method] = (given: ParamsOf<'turn/continue'>) => ({ sessionId: given.sessionId, turn: 3 });
  expect(await run(`/${verb}`)).toBe(words);
  expect(params(method)).toMatchObject({ sessionId });
});

test('/compact shows the summary, and says so when there is nothing to sum up', async () => {
  const { run, talk, daemon } = frontend();
  await talk.submit('hello');
  daemon.overrides['session/compact'] = () => ({ messages: 12, text: 'They spoke.' });
  expect(await run('/compact')).toBe('12 messages summed up; from now on the model is sent this instead:\nThey spoke.');
  daemon.overrides['session/compact'] = () => ({ messages: 0, text: '' });
  expect(await run('/compact')).toContain('nothing to sum up');
});

test('/cost counts by model, and adds up only what has a price', async () => {
  const { run, talk, daemon } = frontend();
  await talk.submit('hello');
  const used = { turns: 2, inputTokens: 100, outputTokens: 10 };
  const priced = [
    { model: 'a/one', ...used, cost: 0.5 },
    { model: 'a/two', ...used, cost: 1.25 },
  ];
  daemon.overrides['session/usage'] = () => ({ models: priced });
  expect(await run('/cost')).toBe(
    'a/one: 2 turns, 100 tokens in, 10 out, 0.5000\na/two: 2 turns, 100 tokens in, 10 out, 1.25\ntogether: 1.75',
  );
  daemon.overrides['session/usage'] = () => ({ models: [...priced, { model: 'b/free', ...used, cost: null }] });
  expect(await run('/cost')).toContain('b/free: 2 turns, 100 tokens in, 10 out, no price in the configuration');
  expect(await run('/cost')).not.toContain('together');
  daemon.overrides['session/usage'] = () => ({ models: [] });
  expect(await run('/cost')).toBe('nothing used yet');
});

test('/status names mode, agent and what waits for an answer', async () => {
  const { run, talk, daemon } = frontend();
  daemon.answer = null;
  const { sessionId } = await talk.submit('hello');
  await run('/agent reviewer');
  const question = { callId: 'c1', name: 'bash', effect: 'command' as const, title: 'run \x1b[2Jmake', detail: '' };
  daemon.ask(sessionId, 1, { ...question, reasons: [], scopes: ['once'] });
  const status = await run('/status');
  expect(status).toContain('mode:      ask\nagent:     reviewer\n');
  expect(status).toContain('asked:     1 call: run ␛[2Jmake\n');
});
